-- Add the tombstones of a request. Adding them again changes nothing.
-- @kinds       ARRAY<STRING>  kind of each id: visitor, customer, user, order or pseudonym
-- @digests     ARRAY<STRING>  keyed hash of each id
-- @request_id  STRING         id of the erasure request
-- @created_on  DATE           day on which the request was accepted
merge into tombstones as target
using (
    select
        kind,
        @digests[offset(position)] as digest,
        @request_id as request_id,
        @created_on as created_on
    from
        unnest(@kinds) as kind
        with offset as position
) as fresh
    on target.request_id = fresh.request_id and target.kind = fresh.kind and target.digest = fresh.digest
when not matched then insert row
