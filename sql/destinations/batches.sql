-- Return the batches of a delivery run, with the number of their members.
-- @created_on  DATE    day on which the run was opened
-- @run_id      STRING  id of the delivery run
select
    kind,
    batch,
    count(*) as members
from destination_changes
where created_on = @created_on and run_id = @run_id
group by kind, batch
order by kind, batch
