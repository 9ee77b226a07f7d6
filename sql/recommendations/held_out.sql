-- How many visitors there are to judge by.
-- @run_id      STRING  the run
-- @created_on  DATE    day on which the run was opened
select countif(is_held_out) as visitors
from visitor_products
where run_id = @run_id and created_on = @created_on
