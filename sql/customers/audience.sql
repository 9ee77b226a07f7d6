-- Replace the customers of @day's audience, and decide the arm of each. If a customer has several visitors, the
-- probability, the offer and the next products are taken from the visitor with the highest probability. The orders of
-- all visitors count. The expected value is the probability times the revenue of an order. If the customer was valued
-- in the five weeks before @day, this revenue is taken from the newest row of customer_value. Otherwise this revenue is
-- the mean of the customer's orders or, if there are none, of all orders.
--
-- The arm depends on hashes, so it is the same each day. The first 13 hexadecimal digits of SHA-256 are a number of 52
-- bits, which a FLOAT64 holds exactly. An earlier assignment has priority, so a changed share moves no customer to
-- another arm.
-- @day            DATE     day of the audience
-- @first_day      DATE     first day of the orders that count
-- @campaign       STRING   name of the campaign (campaign.name)
-- @salt           STRING   text that is hashed with each id, so that the arms differ between shops (campaign.salt)
-- @control_share  FLOAT64  share of the customers in the campaign's control group (campaign.control_share)
-- @holdout_share  FLOAT64  share of the customers in the holdout of all campaigns (campaign.holdout_share)
-- @run_id         STRING   id of the run
merge into audience_customers as target
using (
    with
    visitors as (
        select
            links.customer_id,
            audience.visitor_id,
            audience.probability,
            audience.decile,
            audience.offer,
            audience.next_products
        from audience
        inner join customer_visitors as links on audience.visitor_id = links.visitor_id
        where audience.day = @day and links.customer_id is not null
    ),

    best as (
        select
            *,
            count(*) over (partition by customer_id) as visitors
        from visitors
        qualify row_number() over (partition by customer_id order by probability desc, visitor_id asc) = 1
    ),

    bought as (
        select
            links.customer_id,
            count(*) as orders,
            -- The sum is rounded, since its last digits depend on the order of the rows.
            round(sum(orders.revenue - orders.refunded), 6) as revenue
        from orders
        inner join customer_visitors as links on orders.visitor_id = links.visitor_id
        where orders.day between @first_day and @day and orders.refunded_on is null and links.customer_id is not null
        group by links.customer_id
    ),

    valued as (
        select
            customer_id,
            revenue_per_order
        from customer_value
        where day between date_sub(@day, interval 35 day) and date_sub(@day, interval 1 day)
        qualify row_number() over (partition by customer_id order by day desc) = 1
    ),

    means as (
        select round(avg(revenue - refunded), 4) as revenue_of_order
        from orders
        where day between @first_day and @day and refunded_on is null
    ),

    -- A customer who was once in the holdout stays in the holdout, in all campaigns.
    held_out as (
        select distinct customer_id
        from assignments
        where arm = 'holdout'
    ),

    fractions as (
        select
            best.*,
            cast(
                concat('0x', substr(to_hex(sha256(concat(@salt, '|', @campaign, '|', customer_id))), 1, 13)) as int64
            ) / pow(2, 52) as of_campaign,
            cast(
                concat('0x', substr(to_hex(sha256(concat(@salt, '||', customer_id))), 1, 13)) as int64
            ) / pow(2, 52) as of_holdout
        from best
    )

    select
        @day as day,
        fractions.customer_id,
        @campaign as campaign,
        fractions.visitor_id,
        fractions.visitors,
        fractions.probability,
        fractions.decile,
        fractions.offer,
        fractions.next_products,
        coalesce(bought.orders, 0) as orders,
        coalesce(bought.revenue, 0.0) as revenue,
        fractions.probability
        * coalesce(
            valued.revenue_per_order, safe_divide(bought.revenue, bought.orders), means.revenue_of_order
        ) as expected_value,
        case
            when held_out.customer_id is not null then 'holdout'
            when assignments.arm is not null then assignments.arm
            when fractions.of_holdout < @holdout_share then 'holdout'
            when fractions.of_campaign < @control_share then 'control'
            else 'treated'
        end as arm,
        @run_id as run_id
    from fractions
    cross join means
    left join bought on fractions.customer_id = bought.customer_id
    left join valued on fractions.customer_id = valued.customer_id
    left join held_out on fractions.customer_id = held_out.customer_id
    left join assignments on fractions.customer_id = assignments.customer_id and assignments.campaign = @campaign
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
