-- Return the numbers of visitors and buyers, and the first and last day, of each split of the run. The split unused
-- exists only if models learn from a sample (training.max_rows).
-- @run_id      STRING  id of the run
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
order by first_day, split
