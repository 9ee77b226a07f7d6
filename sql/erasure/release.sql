-- Delete an erased customer's rows of destinations that have confirmed the removal, or never had the customer.
-- @digests  ARRAY<STRING>  tombstone digests of the customer ids
-- @pending  ARRAY<STRING>  destinations that have not confirmed the removal
delete from `${table}`
where
    to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|customer|', customer_id))) in unnest(@digests)
    and destination not in unnest(@pending)
