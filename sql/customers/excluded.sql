-- Count the treated customers of @day's audience who may not be reached, by channel and reason. A customer with several
-- reasons counts once for each reason.
-- @day  DATE  day of the audience
select
    exclusions.channel,
    exclusions.reason,
    count(*) as customers
from exclusions
inner join audience_customers as audience
    on exclusions.customer_id = audience.customer_id and audience.day = @day
where exclusions.day = @day and audience.arm = 'treated'
group by exclusions.channel, exclusions.reason
order by exclusions.channel, exclusions.reason
