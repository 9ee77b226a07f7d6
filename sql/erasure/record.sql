-- Write the row of an erasure request, or update it. A request that is completed stays completed.
-- @created_on    DATE           day on which the request was accepted
-- @request_id    STRING         id of the erasure request
-- @run_id        STRING         id of the last run
-- @subject       ARRAY<STRING>  keyed hash of each id that the request names, as in the log
-- @accepted_at   TIMESTAMP      time at which the request was accepted
-- @is_completed  BOOL           whether everything is deleted and each destination has confirmed
-- @now           TIMESTAMP      time of the last run
-- @row_count     INT64          number of rows that were deleted so far
-- @object_count  INT64          number of objects that were deleted or rewritten so far
-- @pending       ARRAY<STRING>  destinations that have not confirmed the removal
merge into erasures as target
using (
    select
        @created_on as created_on,
        @request_id as request_id,
        @run_id as run_id,
        @subject as subject,
        @accepted_at as accepted_at,
        if(@is_completed, @now, null) as completed_at,
        @row_count as row_count,
        @object_count as object_count,
        @pending as pending
) as fresh
    on target.request_id = fresh.request_id
when matched then
    update set
        run_id = fresh.run_id,
        completed_at = coalesce(target.completed_at, fresh.completed_at),
        row_count = fresh.row_count,
        object_count = fresh.object_count,
        pending = fresh.pending
when not matched then insert row
