-- Return the newest day of the export that was read, and its number of sessions: one row. The day is NULL if no
-- day-table was read yet.
with
newest as (
    select max(day) as day
    from source_days
)

select
    newest.day,
    count(sessions.day) as session_count
from newest
left join sessions
    on newest.day = sessions.day
group by newest.day
