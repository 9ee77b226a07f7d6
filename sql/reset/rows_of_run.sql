-- Remove the rows of one run from a table that contains the rows of several runs.
-- @run_id  STRING  id of the run whose rows are removed
delete from `${table}` where run_id = @run_id
