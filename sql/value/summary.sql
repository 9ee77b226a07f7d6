-- Count the customers who were valued on @as_of, and add up their expected orders and revenue.
-- @as_of  DATE  day of the valuation
select
    count(*) as customers,
    coalesce(sum(expected_orders), 0) as expected_orders,
    coalesce(sum(expected_revenue), 0) as expected_revenue
from customer_value
where day = @as_of
