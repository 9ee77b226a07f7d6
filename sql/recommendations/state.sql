-- Return the state of the data behind the recommendations: one row, whose day is NULL if no data were read yet.
select
    max(day) as day,
    count(*) as day_count,
    sum(row_count) as row_count,
    to_hex(md5(string_agg(concat(cast(day as string), ' ', cast(last_modified as string)) order by day))) as fingerprint
from source_days
