-- Count the visitors with a held-out product.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
select countif(is_held_out) as visitors
from visitor_products
where run_id = @run_id and created_on = @created_on
