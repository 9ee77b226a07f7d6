-- Remove what one run wrote into a table that holds several runs' rows.
delete from `${table}` where run_id = @run_id
