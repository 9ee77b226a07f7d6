-- Replace the findings about the methods in the valuation of @as_of.
-- @run_id   STRING  id of the run
-- @as_of    DATE    day of the valuation
-- @horizon  INT64   length of the horizon, in days (value.horizon_days)
-- @method   STRING  name of the chosen method
-- @results  STRING  the rows as a JSON array of objects, with the table's columns
merge into customer_value_methods as target
using (
    select
        @as_of as day,
        @horizon as horizon_days,
        lax_string(result.method) as method,
        lax_string(result.method) = @method as is_chosen,
        lax_string(result.reason) as reason,
        lax_int64(result.customers) as customers,
        lax_int64(result.buyers) as buyers,
        lax_float64(result.actual_revenue) as actual_revenue,
        lax_float64(result.expected_revenue) as expected_revenue,
        lax_float64(result.squared_error) as squared_error,
        lax_float64(result.error_lower) as error_lower,
        lax_float64(result.error_upper) as error_upper,
        @run_id as run_id
    from unnest(json_query_array(parse_json(@results))) as result
) as fresh
    on false
when not matched by source and target.day = @as_of then delete
when not matched then insert row
