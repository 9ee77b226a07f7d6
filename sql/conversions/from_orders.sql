-- Replace all conversions by the orders, which a report that came late may have moved.
-- @min_revenue  FLOAT64  least revenue of an order that counts (label.min_revenue)
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
