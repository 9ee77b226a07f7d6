-- Return the first and the last day with sessions: one row, with NULL if there are no sessions.
select
    min(day) as first_day,
    max(day) as last_day
from sessions
