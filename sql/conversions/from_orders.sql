-- Replace all conversions by the orders. All days are replaced, since a late report can move an order to an earlier
-- day.
-- @min_revenue  FLOAT64  minimum revenue of an order that counts (label.min_revenue)
merge into conversions as target
using (
    select
        visitor_id,
        session_id,
        day,
        ordered_at as happened_at,
        revenue,
        refunded_on as cancelled_on
    from orders
    where revenue >= @min_revenue
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
