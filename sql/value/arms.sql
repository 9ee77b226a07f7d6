-- Count, for each customer in a campaign, the days with an order after the assignment. Return sums of these numbers by
-- campaign and arm, as shared/campaign/effects.py needs them. A customer counts in the arm of the assignment.
--
-- Customers whom no channel could reach at the assignment count too, although campaign/sums.sql leaves them out. The
-- reason: from these sums follows the share of orders that the campaign has caused. value/histories.sql removes this
-- share from the orders of all treated customers, so all of them must count. A channel may reach them later, e.g. when
-- they are no longer recent buyers. Then the campaign may cause some of their orders.
-- @first_day  DATE  first day of the orders that count
-- @as_of      DATE  last day of the orders and assignments that count
with
bought as (
    select distinct
        links.customer_id,
        orders.day
    from orders
    inner join customer_visitors as links on orders.visitor_id = links.visitor_id
    where orders.day between @first_day and @as_of and orders.refunded_on is null and links.customer_id is not null
),

customers as (
    select
        assignments.campaign,
        assignments.arm,
        assignments.customer_id,
        countif(bought.day > assignments.day) as days
    from assignments
    left join bought on assignments.customer_id = bought.customer_id
    where assignments.day <= @as_of and assignments.arm in ('treated', 'control')
    group by assignments.campaign, assignments.arm, assignments.customer_id
)

select
    campaign,
    arm,
    count(*) as customers,
    sum(days) as total,
    sum(days * days) as squares
from customers
group by campaign, arm
order by campaign, arm
