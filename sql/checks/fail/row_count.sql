-- The newest day has enough sessions, compared with the median of the days before.
-- @as_of           DATE     last day of the export that the run reads
-- @trailing_days   INT64    number of days before the newest day, for the median (checks.trailing_days)
-- @min_rows_share  FLOAT64  minimum sessions as a share of the median, 0 to 1 (checks.min_rows_share)
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
),

measured as (
    select
        coalesce((select session_count from days where day = @as_of), 0) as newest,
        coalesce((select median from medians), 0) as median
)

select
    newest >= median * @min_rows_share as is_ok,
    format('%d sessions on %t, median of the %d days before: %t', newest, @as_of, @trailing_days, median) as found
from measured
