-- The newest day that was read, and how many sessions it holds: one row, its day NULL while nothing was read.
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
