-- Return the newest day that was read, and values that identify the orders of customers: the same data give the same
-- row. The day is NULL if no day-table was read yet, and first_day is NULL if no customer has ordered.
with
bought as (
    select
        orders.day,
        orders.revenue - orders.refunded as revenue
    from orders
    inner join customer_visitors as links on orders.visitor_id = links.visitor_id
    where orders.refunded_on is null and links.customer_id is not null
),

read_days as (
    select max(day) as day
    from source_days
)

select
    max(read_days.day) as day,
    min(bought.day) as first_day,
    count(bought.day) as orders,
    -- The mean is rounded, since its last digits depend on the order of the rows.
    round(avg(bought.revenue), 4) as revenue_of_order
from read_days
left join bought on true
