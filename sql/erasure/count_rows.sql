-- Count the rows of a table in which a column holds one of the given ids.
-- @kind     STRING         what the column holds: visitor, customer, user or order
-- @digests  ARRAY<STRING>  tombstone digests of the ids of this kind
select count(*) as row_count
from `${table}`
where
    to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|', @kind, '|', trim(${column}))))
    in unnest(@digests)
