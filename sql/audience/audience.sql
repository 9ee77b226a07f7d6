-- Replace the audience of @day by the visitors who are most likely to buy. Each visitor has the newest products that
-- were recommended in the week before @day, and an expected revenue: the probability times the revenue of an order. If
-- the visitor's customer was valued in the five weeks before @day, the revenue of an order is taken from the newest row
-- of customer_value. Otherwise the revenue of an order is the mean of all orders. Recommendations and values of @day
-- itself are not used. They are computed at the same time as the audience, so chance would decide whether they are
-- already there.
-- @day         DATE   day of the scores
-- @max_decile  INT64  last decile of the audience, 1 to 10 (audience.max_decile)
-- @first_day   DATE   first day of the orders from which the mean revenue is computed
merge into audience as target
using (
    with
    products as (
        select
            visitor_id,
            array_agg(product_id order by place) as next_products
        from visitor_recommendations
        where day between date_sub(@day, interval 7 day) and date_sub(@day, interval 1 day)
        group by visitor_id, day
        qualify row_number() over (partition by visitor_id order by day desc) = 1
    ),

    valued as (
        select
            links.visitor_id,
            customer_value.revenue_per_order
        from customer_value
        inner join customer_visitors as links on customer_value.customer_id = links.customer_id
        where customer_value.day between date_sub(@day, interval 35 day) and date_sub(@day, interval 1 day)
        qualify row_number() over (partition by links.visitor_id order by customer_value.day desc) = 1
    ),

    means as (
        -- The mean is rounded, since its last digits depend on the order of the rows.
        select round(avg(revenue - refunded), 4) as revenue_of_order
        from orders
        where day between @first_day and @day and refunded_on is null
    )

    select
        scores.day,
        scores.visitor_id,
        scores.probability,
        scores.decile,
        scores.offer,
        scores.model_version,
        scores.run_id,
        coalesce(products.next_products, cast([] as array<string>)) as next_products,
        scores.probability * coalesce(valued.revenue_per_order, means.revenue_of_order) as expected_value
    from scores
    cross join means
    left join products on scores.visitor_id = products.visitor_id
    left join valued on scores.visitor_id = valued.visitor_id
    where scores.day = @day and scores.decile <= @max_decile
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
