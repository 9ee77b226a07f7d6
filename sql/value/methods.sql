-- Replace what was found about the methods on @as_of.
-- @run_id          STRING          id of the run
-- @as_of           DATE            day of the valuation
-- @horizon         INT64           length of the horizon, in days (value.horizon_days)
-- @method          STRING          name of the chosen method
-- @names           ARRAY<STRING>   names of the methods
-- @reasons         ARRAY<STRING>   for each method, why it was chosen or not
-- @counts          ARRAY<INT64>    number of held-out customers
-- @buyers          ARRAY<INT64>    number of these who ordered in the horizon
-- @actual          ARRAY<FLOAT64>  revenue of these in the horizon
-- @expected        ARRAY<FLOAT64>  revenue that was forecast, NaN for a method that could not be fitted
-- @squared_errors  ARRAY<FLOAT64>  mean squared error, NaN likewise
-- @lowers          ARRAY<FLOAT64>  lower bound of its 95 % interval, NaN if it is not known
-- @uppers          ARRAY<FLOAT64>  upper bound of its 95 % interval, NaN if it is not known
merge into customer_value_methods as target
using (
    select
        @as_of as day,
        @horizon as horizon_days,
        name as method,
        name = @method as is_chosen,
        @reasons[offset(position)] as reason,
        @counts[offset(position)] as customers,
        @buyers[offset(position)] as buyers,
        @actual[offset(position)] as actual_revenue,
        if(is_nan(@expected[offset(position)]), null, @expected[offset(position)]) as expected_revenue,
        if(is_nan(@squared_errors[offset(position)]), null, @squared_errors[offset(position)]) as squared_error,
        if(is_nan(@lowers[offset(position)]), null, @lowers[offset(position)]) as error_lower,
        if(is_nan(@uppers[offset(position)]), null, @uppers[offset(position)]) as error_upper,
        @run_id as run_id
    from
        unnest(@names) as name
        with offset as position
) as fresh
    on false
when not matched by source and target.day = @as_of then delete
when not matched then insert row
