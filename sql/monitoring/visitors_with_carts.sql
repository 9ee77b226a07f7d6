-- Return visitors who put something into the cart from @first_day to @last_day; at most @most, always the same ones.
-- @first_day  DATE   first day of the sessions
-- @last_day   DATE   last day of the sessions
-- @most       INT64  maximum number of visitors
select visitor_id
from sessions
where day between @first_day and @last_day and furthest_step >= 3
group by visitor_id
order by farm_fingerprint(visitor_id), visitor_id
limit @most
