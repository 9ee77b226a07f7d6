-- Few reports of orders repeat one, few reverse one, and few name no visitor.
-- @as_of                       DATE     last day of the export that the run reads
-- @first_day                   DATE     first day that has changed
-- @max_repeated_orders         FLOAT64  greatest share of an order's repeats, 0 to 1 (checks.max_repeated_orders)
-- @max_reversals               FLOAT64  greatest share of refunds, 0 to 1 (checks.max_reversals)
-- @max_orders_without_visitor  FLOAT64  greatest share without a visitor, 0 to 1 (checks.max_orders_without_visitor)
with
counts as (
    select
        count(*) as reports,
        countif(kind = 'refund') as refunds,
        countif(kind = 'order' and visitor_id is null) as nameless,
        -- Each order has one report that is no repeat of it.
        countif(kind = 'order' and visitor_id is not null)
        - (select count(*) from orders where orders.day between @first_day and @as_of) as repeats
    from order_reports
    where day between @first_day and @as_of
),

shares as (
    select
        reports,
        coalesce(safe_divide(repeats, reports), 0) as repeated,
        coalesce(safe_divide(refunds, reports), 0) as reversed,
        coalesce(safe_divide(nameless, reports), 0) as nameless
    from counts
)

select
    repeated <= @max_repeated_orders
    and reversed <= @max_reversals
    and nameless <= @max_orders_without_visitor as is_ok,
    format(
        'of %d reports of orders: %.3f repeat one, %.3f reverse one, %.3f name no visitor',
        reports, repeated, reversed, nameless
    ) as found
from shares
