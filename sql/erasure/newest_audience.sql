-- Return the day of the newest audience and the number of its customers; no row if there is none.
select
    day,
    count(*) as customers
from audience_customers
group by day
order by day desc
limit 1
