-- Return visitors with a session from @first_day to @last_day that reached the cart or a later step. If there are
-- more than @most, the same @most visitors are returned each time.
-- @first_day  DATE   first day of the sessions
-- @last_day   DATE   last day of the sessions
-- @most       INT64  maximum number of visitors
select visitor_id
from sessions
where day between @first_day and @last_day and furthest_step >= 3
group by visitor_id
order by farm_fingerprint(visitor_id), visitor_id
limit @most
