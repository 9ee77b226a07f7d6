-- Return the erasure requests to look at. For a destination, these wait for it. Without one, these are not completed,
-- or were accepted since @since_day: a run that was under way may have written rows after they were deleted.
-- @destination  STRING  name of the destination; empty for all requests
-- @since_day    DATE    first day of completed requests
select request_id
from erasures
where
    if(
        @destination != '',
        @destination in unnest(pending),
        completed_at is null or created_on >= @since_day
    )
order by created_on, request_id
