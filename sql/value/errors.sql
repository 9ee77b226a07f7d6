-- Return the errors of each method's revenue forecasts as of @as_of, summed over the customers, who are the same for
-- all methods. The actual revenues are known, because the horizon after @as_of is over. `deviations` is the sum of the
-- squared deviations of the squared errors from their mean.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    day of the histories
with
forecasts as (
    select
        forecasts.method,
        forecasts.expected_revenue,
        histories.later_revenue,
        histories.later_orders,
        forecasts.expected_revenue - histories.later_revenue as error
    from customer_forecasts as forecasts
    inner join customer_histories as histories
        on
            forecasts.customer_id = histories.customer_id
            and forecasts.as_of = histories.as_of
            and forecasts.run_id = histories.run_id
            and forecasts.created_on = histories.created_on
    where forecasts.run_id = @run_id and forecasts.created_on = @created_on and forecasts.as_of = @as_of
)

select
    method,
    count(*) as customers,
    countif(later_orders > 0) as buyers,
    sum(later_revenue) as actual,
    sum(expected_revenue) as predicted,
    sum(abs(error)) as absolute,
    sum(error * error) as squared,
    var_pop(error * error) * count(*) as deviations
from forecasts
group by method
order by method
