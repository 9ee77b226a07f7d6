-- Count the customers with the same number of orders and nearly the same mean value of the orders after the first.
-- `hundredths` is 100 times the logarithm of the mean value, rounded. So the values in a row differ by at most 1 %.
-- Customers with only one order are left out, and so are customers whose later orders were worth nothing.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    day of the histories
select
    frequency,
    cast(round(100 * ln(mean_value)) as int64) as hundredths,
    count(*) as customers
from customer_histories
where run_id = @run_id and created_on = @created_on and as_of = @as_of and frequency > 0 and mean_value > 0
group by frequency, hundredths
order by frequency, hundredths
