-- The newest day of which sessions are known, and how many.
select
    sessions.day,
    count(*) as session_count
from sessions
where sessions.day = (select max(source_days.day) from source_days)
group by sessions.day
