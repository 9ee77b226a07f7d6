-- Return one row per month of the first visit: the numbers of the run's visitors and buyers.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
select
    date_trunc(first_day, month) as month,
    count(*) as visitors,
    sum(will_buy_on_return_visit) as buyers
from training_rows
where run_id = @run_id and created_on = @created_on
group by month
order by month
