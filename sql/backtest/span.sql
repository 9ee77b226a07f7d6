-- The first and the last day of which there are sessions: one row, NULL while there are none.
select
    min(day) as first_day,
    max(day) as last_day
from sessions
