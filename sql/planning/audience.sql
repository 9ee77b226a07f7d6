-- Return what a plan of a campaign needs to know about the newest audience, or no row if there is no audience.
-- The row has the audience's day, the number of its customers and the number of new customers a day. Of the
-- customers whom the channel may reach, it has the number and the mean probability.
-- @channel    STRING  channel of the campaign: ads or email
-- @first_day  DATE    first day of the audiences to look at
with
audiences as (
    select
        day,
        customer_id,
        probability
    from audience_customers
    where day >= @first_day and arm != 'holdout'
),

days as (
    select
        min(day) as first_day,
        max(day) as last_day
    from audiences
),

excluded as (
    select distinct
        day,
        customer_id
    from exclusions
    where day >= @first_day and channel = @channel
),

newest as (
    select
        count(*) as customers,
        countif(excluded.customer_id is null) as reachable,
        avg(if(excluded.customer_id is null, audiences.probability, null)) as probability
    from audiences
    inner join days on audiences.day = days.last_day
    left join excluded on audiences.customer_id = excluded.customer_id and audiences.day = excluded.day
),

firsts as (
    select
        customer_id,
        min(day) as first_day
    from audiences
    group by customer_id
),

fresh as (
    select count(*) as customers
    from firsts
    inner join days on firsts.first_day > days.first_day
)

select
    days.last_day as day,
    newest.customers,
    newest.reachable,
    newest.probability,
    safe_divide(fresh.customers, date_diff(days.last_day, days.first_day, day)) as new_per_day
from days
cross join newest
cross join fresh
where days.last_day is not null
