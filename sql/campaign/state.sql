-- Return the newest day whose orders were read, and the day of the first assignment to a campaign. Both are NULL if
-- there is nothing to measure yet.
with
read_days as (
    select max(day) as newest
    from source_days
),

assigned as (
    select min(day) as first_day
    from assignments
)

select
    if(assigned.first_day is null, null, read_days.newest) as day,
    if(read_days.newest is null, null, assigned.first_day) as first_day
from read_days
cross join assigned
