-- Record in the member ledger how requests have ended. If a member is also in a later request, the member's row does
-- not change.
-- @destination  STRING         name of the destination
-- @requests     ARRAY<STRING>  the destination's id of each request that has ended
-- @outcomes     ARRAY<STRING>  confirmed, failed or unconfirmed
-- @reasons      ARRAY<STRING>  why each request has not succeeded; empty for a success
-- @refused      ARRAY<STRING>  customers whom the destination names as refused
-- @complaints   ARRAY<STRING>  why the destination refused each customer in @refused
-- @now          TIMESTAMP      time at which the outcomes were known
merge into destination_members as target
using (
    with
    outcomes as (
        select
            request,
            @outcomes[offset(position)] as outcome,
            @reasons[offset(position)] as reason
        from
            unnest(@requests) as request
            with offset as position
    ),

    refusals as (
        select
            customer_id,
            @complaints[offset(position)] as complaint
        from
            unnest(@refused) as customer_id
            with offset as position
    )

    select
        members.customer_id,
        members.request,
        case
            when refusals.customer_id is not null then 'refused'
            when members.state = 'sent' then outcomes.outcome
            when outcomes.outcome = 'confirmed' then 'removed'
            else 'unconfirmed'
        end as state,
        coalesce(refusals.complaint, nullif(outcomes.reason, '')) as reason
    from destination_members as members
    inner join outcomes on members.request = outcomes.request
    left join refusals on members.customer_id = refusals.customer_id
    where members.destination = @destination and members.state in ('sent', 'leaving')
) as ended
    on target.destination = @destination and target.customer_id = ended.customer_id
when matched and target.request = ended.request then
    update set
        state = ended.state,
        is_there = coalesce(target.is_there, target.state not in ('wanted', 'removed')) and ended.state != 'removed',
        reason = ended.reason,
        changed_at = @now
