-- Delete the rows of a table in which a column holds an erased id.
-- @kind     STRING         what the column holds: visitor, customer, user or order
-- @digests  ARRAY<STRING>  tombstone digests of the erased ids of this kind
delete from `${table}`
where
    to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|', @kind, '|', trim(${column}))))
    in unnest(@digests)
