-- Return the erasure requests that need another pass. If @destination is not empty, they are the requests that wait for
-- this destination. Otherwise they are the requests that are not completed, and all requests accepted since @since_day.
-- A recent request needs another pass, because a run that was open during the deletion may have written deleted rows
-- again.
-- @destination  STRING  name of the destination; empty for all requests
-- @since_day    DATE    first day of the requests that are due even if they are completed
select request_id
from erasures
where
    if(
        @destination != '',
        @destination in unnest(pending),
        completed_at is null or created_on >= @since_day
    )
order by created_on, request_id
