-- Remove what one run wrote into a table that holds several runs' rows.
-- @run_id  STRING  the run whose rows are removed
delete from `${table}` where run_id = @run_id
