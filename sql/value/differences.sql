-- Compare each pair of methods by the difference between their squared errors for the same customer. Return the sum of
-- these differences over all customers, and the sum of the squared deviations of the differences from their mean.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    day of the histories
with
errors as (
    select
        forecasts.method,
        forecasts.customer_id,
        histories.later_orders,
        pow(forecasts.expected_revenue - histories.later_revenue, 2) as squared
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
    ours.method,
    theirs.method as other,
    count(*) as customers,
    countif(ours.later_orders > 0) as buyers,
    sum(ours.squared - theirs.squared) as total,
    var_pop(ours.squared - theirs.squared) * count(*) as squares
from errors as ours
inner join errors as theirs
    on ours.customer_id = theirs.customer_id and ours.method != theirs.method
group by ours.method, theirs.method
order by ours.method, theirs.method
