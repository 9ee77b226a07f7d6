-- Replace the forecasts of BG/NBD and Gamma-Gamma as of @as_of. shared/value/bgnbd.py has the same formulas, with their
-- sources. If a customer has not left, the number of expected orders depends on frequency and age alone. The number of
-- expected orders is a mean over the probability to leave, which has a beta distribution with the parameters a and
-- b + frequency. The quadrature of @nodes and @weights is for the beta distribution with the parameters a and b. Each
-- weight is multiplied by (1 - leaving) to the power of the frequency, so that the quadrature fits a and b + frequency.
-- @run_id      STRING          id of the run
-- @created_on  DATE            day on which the run was opened
-- @as_of       DATE            day of the histories
-- @horizon     INT64           length of the horizon, in days (value.horizon_days)
-- @method      STRING          name of the method
-- @r           FLOAT64         BG/NBD: shape of the distribution of the customers' order rates
-- @alpha       FLOAT64         BG/NBD: rate of the distribution of the customers' order rates, in days
-- @a           FLOAT64         BG/NBD: first parameter of the distribution of the probability to leave
-- @b           FLOAT64         BG/NBD: second parameter of the distribution of the probability to leave
-- @nodes       ARRAY<FLOAT64>  probabilities to leave, at least 1e-6
-- @weights     ARRAY<FLOAT64>  weight of each node
-- @p           FLOAT64         Gamma-Gamma: shape of the distribution of one customer's order values
-- @q           FLOAT64         Gamma-Gamma: shape of the distribution of the customers' rates
-- @gamma       FLOAT64         Gamma-Gamma: rate of the distribution of the customers' rates, in the shop's currency
merge into customer_forecasts as target
using (
    with
    nodes as (
        select
            leaving,
            @weights[offset(position)] as weight
        from
            unnest(@nodes) as leaving
            with offset as position
    ),

    histories as (
        select
            customer_id,
            frequency,
            recency,
            age,
            mean_value
        from customer_histories
        where run_id = @run_id and created_on = @created_on and as_of = @as_of
    ),

    kinds as (
        select distinct
            frequency,
            age
        from histories
    ),

    means as (
        select
            kinds.frequency,
            kinds.age,
            sum(
                nodes.weight * pow(1 - nodes.leaving, kinds.frequency)
                * (1 - exp(-(@r + kinds.frequency) * ln(1 + nodes.leaving * @horizon / (@alpha + kinds.age))))
                / nodes.leaving
            )
            / sum(nodes.weight * pow(1 - nodes.leaving, kinds.frequency)) as orders
        from kinds
        cross join nodes
        group by kinds.frequency, kinds.age
    ),

    customers as (
        select
            histories.customer_id,
            means.orders,
            if(
                histories.frequency = 0,
                1.0,
                1 / (
                    1 + exp(
                        least(
                            (@r + histories.frequency) * ln((@alpha + histories.age) / (@alpha + histories.recency))
                            + ln(@a) - ln(@b + greatest(histories.frequency, 1) - 1),
                            700
                        )
                    )
                )
            ) as alive,
            1 - exp(
                -(@r + histories.frequency) * ln(1 + @horizon / (@alpha + histories.age))
            ) as orders_if_alive,
            @p * (@gamma + histories.frequency * histories.mean_value)
            / (@p * histories.frequency + @q - 1) as revenue_per_order
        from histories
        inner join means
            on histories.frequency = means.frequency and histories.age = means.age
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        @as_of as as_of,
        @method as method,
        customer_id,
        alive * orders as expected_orders,
        alive * orders_if_alive as probability,
        alive * orders * revenue_per_order as expected_revenue,
        revenue_per_order
    from customers
) as fresh
    on false
when not matched by source
and target.run_id = @run_id
and target.created_on = @created_on
and target.as_of = @as_of
and target.method = @method then delete
when not matched then insert row
