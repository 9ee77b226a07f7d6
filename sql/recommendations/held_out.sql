-- How many visitors there are to judge by.
select countif(is_held_out) as visitors
from visitor_products
where run_id = @run_id and created_on = @created_on
