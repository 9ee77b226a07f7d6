-- Return the members of one batch, with exactly the values that the destination gets.
-- @created_on  DATE    day on which the run was opened
-- @run_id      STRING  id of the delivery run
-- @kind        STRING  kind of the change
-- @batch       INT64   number of the batch among the batches of this kind, from 1
select
    customer_id,
    email,
    phone,
    first_name,
    last_name,
    country,
    postal_code,
    probability,
    decile,
    offer,
    next_products,
    expected_value
from destination_changes
where created_on = @created_on and run_id = @run_id and kind = @kind and batch = @batch
order by customer_id
