-- Delete the rows of erased customers from a table about destinations. Rows of the destinations in @pending stay.
-- @digests  ARRAY<STRING>  tombstone digests of the customer ids
-- @pending  ARRAY<STRING>  destinations that have not confirmed the removal
delete from `${table}`
where
    to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|customer|', customer_id))) in unnest(@digests)
    and destination not in unnest(@pending)
