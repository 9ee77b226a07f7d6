-- A few of the run's rows, as the candidates see them; which visitors they are of is left out.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @rows        INT64   number of rows
select * except (run_id, created_on, split, visitor_id, first_day)
from training_rows
where run_id = @run_id and created_on = @created_on
order by md5(visitor_id), first_day
limit @rows
