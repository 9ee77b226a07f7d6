-- Count the members of each destination by state and reason; the reason is NULL if there is none.
select
    destination,
    state,
    reason,
    count(*) as members
from destination_members
group by destination, state, reason
order by destination, state, reason
