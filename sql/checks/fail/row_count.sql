-- The newest day has at least a share of the median of the days before it.
with
days as (
    select
        day,
        count(*) as session_count
    from sessions
    where day between date_sub(@as_of, interval @trailing_days day) and @as_of
    group by day
),

medians as (
    select distinct percentile_cont(session_count, 0.5) over () as median
    from days
    where day < @as_of
)

select
    coalesce(max(days.session_count), 0) >= coalesce(max(medians.median), 0) * @min_rows_share as is_ok,
    format(
        '%d sessions on %t, median of the %d days before: %t',
        coalesce(max(days.session_count), 0),
        @as_of,
        @trailing_days,
        max(medians.median)
    ) as found
from unnest([@as_of]) as newest
left join days
    on newest = days.day
left join medians
    on true
