-- Count the rows of a table in which a column holds one of the given ids. While there is no secret yet, ids are hashed
-- with an empty one, so that counting writes nothing.
-- @kind     STRING         what the column holds: visitor, customer, user or order
-- @digests  ARRAY<STRING>  tombstone digests of the ids of this kind
select count(*) as row_count
from `${table}`
where
    to_hex(
        sha256(concat(coalesce((select erasure_key.secret from erasure_key), ''), '|', @kind, '|', trim(${column})))
    ) in unnest(@digests)
