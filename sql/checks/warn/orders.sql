-- Few order reports are repeats, few are refunds, and few name no visitor.
-- @as_of                       DATE     last day of the export that the run reads
-- @first_day                   DATE     first day whose data have changed
-- @max_repeated_orders         FLOAT64  maximum share of reports that repeat an order (checks.max_repeated_orders)
-- @max_reversals               FLOAT64  maximum share of reports of refunds (checks.max_reversals)
-- @max_orders_without_visitor  FLOAT64  maximum share of reports without visitor (checks.max_orders_without_visitor)
with
counts as (
    select
        count(*) as reports,
        countif(kind = 'refund') as refunds,
        countif(kind = 'order' and visitor_id is null) as nameless,
        -- Each order has one original report; all other reports are repeats.
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
