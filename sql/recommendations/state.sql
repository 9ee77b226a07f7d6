-- What the recommendations are made of, as it stands: one row, its day NULL while nothing was read.
select
    max(day) as day,
    count(*) as day_count,
    sum(row_count) as row_count,
    to_hex(md5(string_agg(concat(cast(day as string), ' ', cast(last_modified as string)) order by day))) as fingerprint
from source_days
