-- Return one row that identifies the day-tables read so far: the same data give the same row. The column day
-- is the newest day; it is NULL if no day-table was read yet.
select
    max(day) as day,
    count(*) as day_count,
    sum(row_count) as row_count,
    to_hex(md5(string_agg(concat(cast(day as string), ' ', cast(last_modified as string)) order by day))) as fingerprint
from source_days
