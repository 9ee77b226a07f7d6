-- Record requests that have ended, for the audit. A request that is recorded does not change.
-- @destination    STRING            name of the destination
-- @created_on     DATE              day on which the outcomes were known
-- @run_ids        ARRAY<STRING>     id of the delivery run that sent each request
-- @kinds          ARRAY<STRING>     kind of each request's batch
-- @batches        ARRAY<INT64>      number of each request's batch
-- @members        ARRAY<INT64>      number of members in each batch
-- @refused_counts ARRAY<INT64>      number of members whom the destination has refused
-- @requests       ARRAY<STRING>     the destination's id of each request
-- @outcomes       ARRAY<STRING>     confirmed, failed or unconfirmed
-- @sent_at        ARRAY<TIMESTAMP>  time at which each request was sent
-- @now            TIMESTAMP         time at which the outcomes were known
merge into sends as target
using (
    select
        @created_on as created_on,
        @destination as destination,
        run_id,
        @kinds[offset(position)] as kind,
        @batches[offset(position)] as batch,
        @members[offset(position)] as members,
        @refused_counts[offset(position)] as refused,
        @outcomes[offset(position)] as outcome,
        @requests[offset(position)] as request,
        @sent_at[offset(position)] as sent_at,
        @now as ended_at
    from
        unnest(@run_ids) as run_id
        with offset as position
) as fresh
    on target.run_id = fresh.run_id and target.kind = fresh.kind and target.batch = fresh.batch
when not matched then insert row
