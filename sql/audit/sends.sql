-- Return what was sent to destinations in a period: one row per request that has ended.
-- @first_day  DATE  first day of the period
-- @last_day   DATE  last day of the period
select
    sent_at,
    destination,
    kind,
    members,
    refused,
    outcome,
    run_id
from sends
where date(sent_at) between @first_day and @last_day
order by sent_at, destination, kind, batch
