-- Few rows of the export are duplicates.
-- @as_of                 DATE     last day of the export that the run reads
-- @max_duplicates_share  FLOAT64  maximum share of duplicate rows, 0 to 1 (checks.max_duplicates_share)
-- @first_day             DATE     first day whose data have changed
select
    coalesce(safe_divide(sum(duplicate_rows), count(*)), 0) <= @max_duplicates_share as is_ok,
    format('%d of %d rows stood twice', coalesce(sum(duplicate_rows), 0), count(*)) as found
from sessions
where day between @first_day and @as_of
