-- Return one row per numeric feature, bin and label: the number of the run's visitors with a value in the bin. The bins
-- have equal widths, from the lowest value to the 99th percentile. The last bin also contains all higher values, and
-- its last_value is NULL.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @bins        INT64   maximum number of bins
with
rows_of_run as (
    select *
    from training_rows
    where run_id = @run_id and created_on = @created_on
),

counted as (
    select
        feature,
        value,
        will_buy_on_return_visit as label,
        count(*) as visitors
    from rows_of_run
    unpivot (
        value for feature in (
            bounces, time_on_site, pageviews, hits, furthest_step, products_viewed, products_added, hour
        )
    )
    group by feature, value, label
),

placed as (
    select
        *,
        sum(visitors) over (partition by feature order by value) as visitors_up_to,
        sum(visitors) over (partition by feature) as all_visitors
    from counted
),

limits as (
    select
        feature,
        min(value) as lowest,
        div(min(if(visitors_up_to >= 0.99 * all_visitors, value, null)) - min(value), @bins) + 1 as width
    from placed
    group by feature
),

binned as (
    select
        counted.feature,
        counted.label,
        counted.value,
        counted.visitors,
        limits.lowest,
        limits.width,
        least(div(counted.value - limits.lowest, limits.width), @bins - 1) as bin
    from counted
    inner join limits
        on counted.feature = limits.feature
)

select
    feature,
    label,
    lowest + bin * width as first_value,
    if(bin < @bins - 1, lowest + (bin + 1) * width - 1, null) as last_value,
    sum(visitors) as visitors,
    sum(value * visitors) as total
from binned
group by feature, label, bin, lowest, width
order by feature, first_value, label
