-- Count the members of each destination by state, and by the reason if there is one.
select
    destination,
    state,
    reason,
    count(*) as members
from destination_members
group by destination, state, reason
order by destination, state, reason
