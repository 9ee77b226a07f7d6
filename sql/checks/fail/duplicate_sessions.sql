-- Few rows of the export stand twice.
select
    coalesce(safe_divide(sum(duplicate_rows), count(*)), 0) <= @max_duplicates_share as is_ok,
    format('%d of %d rows stood twice', coalesce(sum(duplicate_rows), 0), count(*)) as found
from sessions
where day between @first_day and @as_of
