-- Return one row per feature: the ROC AUC of the feature alone. A very high value shows that the feature contains
-- information from after the first visit. A category is replaced by its share of buyers on the training days, among all
-- visitors, also if models learn from a sample. The ROC AUC is computed on the held-out rows.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
with
rows_of_run as (
    select *
    from training_rows
    where run_id = @run_id and created_on = @created_on
),

numbers as (
    select
        split,
        will_buy_on_return_visit as label,
        feature,
        cast(value as float64) as value
    from rows_of_run
    unpivot (
        value for feature in (
            bounces, time_on_site, pageviews, hits, furthest_step, products_viewed, products_added, hour
        )
    )
),

categories as (
    select
        split,
        will_buy_on_return_visit as label,
        feature,
        category
    from rows_of_run
    unpivot (category for feature in (weekday, source, medium, channel, device, country))
),

rates as (
    select
        feature,
        category,
        avg(label) as rate
    from categories
    where split in ('train', 'unused')
    group by feature, category
),

encoded as (
    select
        numbers.feature,
        numbers.label,
        numbers.value
    from numbers
    where numbers.split in ('evaluation', 'test')
    union all
    select
        categories.feature,
        categories.label,
        coalesce(rates.rate, 0) as value
    from categories
    left join rates
        on categories.feature = rates.feature and categories.category = rates.category
    where categories.split in ('evaluation', 'test')
),

ranked as (
    select
        feature,
        label,
        -- Equal values all have the mean of their lowest and their highest rank.
        (
            rank() over (partition by feature order by value)
            + count(*) over (partition by feature) + 1
            - rank() over (partition by feature order by value desc)
        ) / 2 as place
    from encoded
)

select
    feature,
    safe_divide(
        sum(if(label = 1, place, 0)) - sum(label) * (sum(label) + 1) / 2,
        sum(label) * (count(*) - sum(label))
    ) as roc_auc
from ranked
group by feature
order by roc_auc desc
