-- Return the erasure requests that were accepted in a period.
-- @first_day  DATE  first day of the period
-- @last_day   DATE  last day of the period
select
    accepted_at,
    request_id,
    completed_at,
    row_count,
    object_count,
    pending,
    subject
from erasures
where created_on between @first_day and @last_day
order by accepted_at, request_id
