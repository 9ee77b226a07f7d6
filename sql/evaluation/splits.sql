-- How many visitors and buyers each part of this run's rows holds, and which days.
-- @run_id      STRING  the run
-- @created_on  DATE    day on which the run was opened
select
    split,
    min(first_day) as first_day,
    max(first_day) as last_day,
    count(*) as visitors,
    sum(will_buy_on_return_visit) as positives
from training_rows
where run_id = @run_id and created_on = @created_on
group by split
order by first_day
