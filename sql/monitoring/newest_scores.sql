-- Return the newest day with scores, from @first_day on; NULL if there are no such scores.
-- @first_day  DATE  first day of the scores that count
select max(day) as day
from scores
where day >= @first_day
