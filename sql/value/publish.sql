-- Replace the rows of @as_of in customer_value by the forecasts of the chosen method.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    day of the valuation
-- @horizon     INT64   length of the horizon, in days (value.horizon_days)
-- @method      STRING  name of the method
merge into customer_value as target
using (
    select
        as_of as day,
        customer_id,
        @horizon as horizon_days,
        expected_orders,
        probability,
        expected_revenue,
        revenue_per_order,
        method,
        run_id
    from customer_forecasts
    where run_id = @run_id and created_on = @created_on and as_of = @as_of and method = @method
) as fresh
    on false
when not matched by source and target.day = @as_of then delete
when not matched then insert row
