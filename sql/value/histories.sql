-- Replace the run's histories of the customers. A history says what a customer had ordered until a day, and what
-- followed in the horizon after this day. The days are @as_of, one horizon before @as_of, and two horizons before
-- @as_of. The orders of one day count as one order.
--
-- Orders that a campaign has caused are left out. We do not know which orders these are, only their share among the
-- orders of treated customers after the assignment (@shares). So this share of the days with such an order is removed.
-- Hashes decide which days are removed, so they are the same in each run.
-- The first 13 hexadecimal digits of SHA-256 are a number of 52 bits, which a FLOAT64 holds exactly.
-- @run_id      STRING          id of the run
-- @created_on  DATE            day on which the run was opened
-- @first_day   DATE            first day of the orders that count
-- @as_of       DATE            last day of the orders that count
-- @horizon     INT64           length of the horizon, in days (value.horizon_days)
-- @campaigns   ARRAY<STRING>   campaigns that have caused orders
-- @shares      ARRAY<FLOAT64>  for each campaign, the share of the treated customers' orders that it has caused
merge into customer_histories as target
using (
    with
    caused as (
        select
            assignments.customer_id,
            assignments.day,
            assignments.campaign,
            @shares[offset(position)] as share
        from
            unnest(@campaigns) as campaign
            with offset as position
        inner join assignments on campaign = assignments.campaign
        where assignments.arm = 'treated'
    ),

    bought as (
        select
            links.customer_id,
            orders.day,
            sum(orders.revenue - orders.refunded) as revenue
        from orders
        inner join customer_visitors as links on orders.visitor_id = links.visitor_id
        where orders.day between @first_day and @as_of and orders.refunded_on is null and links.customer_id is not null
        group by links.customer_id, orders.day
    ),

    own as (
        select
            bought.*,
            row_number() over (partition by bought.customer_id order by bought.day) = 1 as is_first
        from bought
        left join caused
            on
                bought.customer_id = caused.customer_id
                and bought.day > caused.day
                and cast(
                    concat(
                        '0x',
                        substr(
                            to_hex(
                                sha256(
                                    concat(caused.campaign, '|', caused.customer_id, '|', cast(bought.day as string))
                                )
                            ),
                            1,
                            13
                        )
                    ) as int64
                ) / pow(2, 52) < caused.share
        where caused.customer_id is null
    ),

    dates as (
        select as_of
        from unnest([
            date_sub(@as_of, interval 2 * @horizon day),
            date_sub(@as_of, interval @horizon day),
            @as_of
        ]) as as_of
    ),

    sums as (
        select
            dates.as_of,
            own.customer_id,
            min(own.day) as first_order,
            max(if(own.day <= dates.as_of, own.day, null)) as last_order,
            countif(own.day <= dates.as_of) as orders,
            sum(if(own.day <= dates.as_of, own.revenue, 0)) as revenue,
            sum(if(own.day <= dates.as_of and not own.is_first, own.revenue, 0)) as repeated_revenue,
            countif(own.day > dates.as_of and own.day <= date_add(dates.as_of, interval @horizon day)) as later_orders,
            sum(
                if(
                    own.day > dates.as_of and own.day <= date_add(dates.as_of, interval @horizon day), own.revenue, 0
                )
            ) as later_revenue
        from own
        cross join dates
        group by dates.as_of, own.customer_id
        having min(own.day) <= dates.as_of
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        as_of,
        customer_id,
        orders - 1 as frequency,
        date_diff(last_order, first_order, day) as recency,
        date_diff(as_of, first_order, day) as age,
        -- The sum is rounded, since its last digits depend on the order of the rows.
        round(coalesce(safe_divide(repeated_revenue, orders - 1), 0), 4) as mean_value,
        round(revenue, 4) as revenue,
        if(as_of = @as_of, null, later_orders) as later_orders,
        if(as_of = @as_of, null, round(later_revenue, 4)) as later_revenue
    from sums
) as fresh
    on false
when not matched by source and target.run_id = @run_id and target.created_on = @created_on then delete
when not matched then insert row
