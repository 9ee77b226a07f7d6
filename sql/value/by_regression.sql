-- Replace the forecasts of a regression as of @as_of: one model forecasts the revenue, the other whether the customer
-- orders. The value of an order is forecast by Gamma-Gamma.
-- @run_id      STRING   id of the run
-- @created_on  DATE     day on which the run was opened
-- @as_of       DATE     day of the histories
-- @method      STRING   name of the method
-- @p           FLOAT64  Gamma-Gamma: shape of the distribution of one customer's order values
-- @q           FLOAT64  Gamma-Gamma: shape of the distribution of the customers' rates
-- @gamma       FLOAT64  Gamma-Gamma: rate of the distribution of the customers' rates, in the shop's currency
merge into customer_forecasts as target
using (
    with
    histories as (
        select
            customer_id,
            frequency,
            recency,
            age,
            age - recency as days_since_order,
            mean_value,
            revenue
        from customer_histories
        where run_id = @run_id and created_on = @created_on and as_of = @as_of
    ),

    revenues as (
        select
            customer_id,
            greatest(predicted_outcome, 0) as expected_revenue,
            @p * (@gamma + frequency * mean_value) / (@p * frequency + @q - 1) as revenue_per_order
        from ml.predict(model `revenue_${model}`, (select * from histories))
    ),

    probabilities as (
        select
            customer_id,
            least(greatest(predicted_outcome, 0), 1) as probability
        from ml.predict(model `orders_${model}`, (select * from histories))
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        @as_of as as_of,
        @method as method,
        revenues.customer_id,
        coalesce(safe_divide(revenues.expected_revenue, revenues.revenue_per_order), 0) as expected_orders,
        probabilities.probability,
        revenues.expected_revenue,
        revenues.revenue_per_order
    from revenues
    inner join probabilities on revenues.customer_id = probabilities.customer_id
) as fresh
    on false
when not matched by source
and target.run_id = @run_id
and target.created_on = @created_on
and target.as_of = @as_of
and target.method = @method then delete
when not matched then insert row
