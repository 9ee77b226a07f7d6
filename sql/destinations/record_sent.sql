-- Record in the member ledger what a delivery run has sent, and which customers were refused.
-- @created_on  DATE           day on which the run was opened
-- @run_id      STRING         id of the delivery run
-- @kinds       ARRAY<STRING>  kind of each batch that was sent
-- @batches     ARRAY<INT64>   number of each batch
-- @requests    ARRAY<STRING>  the destination's id of each batch's request
-- @refused     ARRAY<STRING>  customers who were refused, before or after the request was sent
-- @reasons     ARRAY<STRING>  why each customer in @refused was refused
-- @now         TIMESTAMP      time at which the batches were sent
merge into destination_members as target
using (
    with
    sent as (
        select
            kind,
            @batches[offset(position)] as batch,
            @requests[offset(position)] as request
        from
            unnest(@kinds) as kind
            with offset as position
    ),

    refusals as (
        select
            customer_id,
            @reasons[offset(position)] as reason
        from
            unnest(@refused) as customer_id
            with offset as position
    )

    select
        changes.destination,
        changes.customer_id,
        changes.kind,
        changes.email,
        changes.phone,
        changes.first_name,
        changes.last_name,
        changes.country,
        changes.postal_code,
        changes.digest,
        changes.run_id,
        sent.request,
        refusals.reason,
        changes.kind in ('add', 'update') as is_put,
        case
            when refusals.customer_id is not null then 'refused'
            when changes.kind in ('add', 'update') then 'sent'
            else 'leaving'
        end as state
    from destination_changes as changes
    inner join sent on changes.kind = sent.kind and changes.batch = sent.batch
    left join refusals on changes.customer_id = refusals.customer_id
    where changes.created_on = @created_on and changes.run_id = @run_id and changes.kind != 'outdated'
) as changed
    on target.destination = changed.destination and target.customer_id = changed.customer_id
when matched and target.request is distinct from changed.request then
    update set
        state = changed.state,
        is_there = coalesce(target.is_there, target.state not in ('wanted', 'removed')) or changed.state = 'sent',
        email = if(changed.is_put, changed.email, target.email),
        phone = if(changed.is_put, changed.phone, target.phone),
        first_name = if(changed.is_put, changed.first_name, target.first_name),
        last_name = if(changed.is_put, changed.last_name, target.last_name),
        country = if(changed.is_put, changed.country, target.country),
        postal_code = if(changed.is_put, changed.postal_code, target.postal_code),
        digest = if(changed.is_put, changed.digest, target.digest),
        run_id = changed.run_id,
        request = changed.request,
        reason = changed.reason,
        changed_at = @now
