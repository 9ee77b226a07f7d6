-- Count the customers with the same number of orders, and with the same recency and age in weeks. Recency and age are
-- means over these customers, in days. The number of rows depends on the length of the history, and hardly on the
-- number of customers.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    day of the histories
select
    frequency,
    avg(recency) as recency,
    avg(age) as age,
    count(*) as customers
from customer_histories
where run_id = @run_id and created_on = @created_on and as_of = @as_of
group by frequency, div(recency + 6, 7), div(age + 6, 7)
order by frequency, recency, age
