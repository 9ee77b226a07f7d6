-- The newest day whose visitors are scored; NULL before the first.
select max(day) as day
from scores
