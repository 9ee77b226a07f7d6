-- Return the destinations that have or had an erased customer, with the state in the member ledger.
-- @digests  ARRAY<STRING>  tombstone digests of the customer ids
select
    destination_members.destination,
    destination_members.state,
    destination_members.run_id,
    coalesce(destination_members.is_there, destination_members.state not in ('wanted', 'removed')) as is_there
from destination_members
cross join erasure_key
where to_hex(sha256(concat(erasure_key.secret, '|customer|', destination_members.customer_id))) in unnest(@digests)
order by destination_members.destination
