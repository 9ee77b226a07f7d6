-- Count the customers of @day's audience by the arm that customers/audience.sql has given them.
-- @day  DATE  day of the audience
select
    arm,
    count(*) as customers
from audience_customers
where day = @day
group by arm
order by arm
