-- Return the erasure requests that need another pass. If @destination is not empty, they are the requests that wait for
-- this destination. Otherwise they are the requests that are not completed, and those accepted since @since_day,
-- because a run that was open at that time may have written the person's rows again after their deletion.
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
