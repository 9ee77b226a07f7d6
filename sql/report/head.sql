-- Return some of the run's rows with the columns that the candidates see. The visitors' ids are left out.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @rows        INT64   number of rows
select * except (run_id, created_on, split, visitor_id, first_day)
from training_rows
where run_id = @run_id and created_on = @created_on
order by md5(visitor_id), first_day
limit @rows
