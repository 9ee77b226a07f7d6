-- Return one row per feature and category of the first visit: the numbers of the run's visitors and buyers. The
-- category is NULL for all categories that are not among the most frequent categories of their feature.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @most        INT64   maximum number of categories of a feature
with
rows_of_run as (
    select *
    from training_rows
    where run_id = @run_id and created_on = @created_on
),

counted as (
    select
        feature,
        category,
        count(*) as visitors,
        sum(will_buy_on_return_visit) as buyers
    from rows_of_run
    unpivot (category for feature in (weekday, source, medium, channel, device, country))
    group by feature, category
),

ranked as (
    select
        feature,
        visitors,
        buyers,
        if(
            row_number() over (partition by feature order by visitors desc, category asc) <= @most, category, null
        ) as category
    from counted
)

select
    feature,
    category,
    sum(visitors) as visitors,
    sum(buyers) as buyers
from ranked
group by feature, category
order by feature asc, category is null asc, visitors desc, category asc
