-- Return the newest day with scores; NULL if there are no scores yet.
select max(day) as day
from scores
