-- Replace the interactions of the days named by what the GA360 day-tables around them hold. Their sessions must be in
-- `sessions`, which knows the day on which each began, however many tables it lies in. A hit that stands twice counts
-- once, and so does a product that stands twice in a hit.
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @suffixes      ARRAY<STRING>  day-tables to read, each as YYYYMMDD
-- @days          ARRAY<DATE>    days to replace
merge into interactions as target
using (
    with
    -- Day-tables are chosen before the hits are taken apart, as in sessions/from_ga360.
    clicks as (
        select
            fullVisitorId as visitor_id,
            visitId as visit_id,
            date as table_date,
            hits
        from `${source}.ga_sessions_*`
        where _table_suffix between @first_suffix and @last_suffix and _table_suffix in unnest(@suffixes)
    ),

    actions as (
        select
            clicks.visitor_id,
            clicks.visit_id,
            clicks.table_date,
            hit.hitNumber as hit_number,
            case hit.eCommerceAction.action_type when '2' then 'viewed' when '3' then 'added' when '6' then 'bought' end
                as action,
            hit.product as products
        from clicks, unnest(clicks.hits) as hit
    ),

    -- Google Analytics counts a session's hits anew in each day-table.
    items as (
        select
            actions.visitor_id,
            actions.visit_id,
            actions.table_date,
            actions.hit_number,
            actions.action,
            product.productSKU as product_id,
            max(product.productQuantity) as quantity
        from actions, unnest(actions.products) as product
        where actions.action is not null and product.productSKU is not null and product.isImpression is not true
        group by visitor_id, visit_id, table_date, hit_number, action, product_id
    ),

    totals as (
        select
            concat(visitor_id, '-', cast(visit_id as string)) as session_id,
            product_id,
            action,
            sum(if(action = 'viewed', 1, greatest(coalesce(quantity, 1), 1))) as quantity
        from items
        group by session_id, product_id, action
    )

    select
        sessions.session_id,
        sessions.visitor_id,
        sessions.day,
        sessions.started_at as interacted_at,
        totals.product_id,
        totals.action,
        totals.quantity
    from totals
    inner join sessions
        on totals.session_id = sessions.session_id
    where sessions.day in unnest(@days) and not sessions.is_internal
) as fresh
    on false
when not matched by source and target.day in unnest(@days) then delete
when not matched then insert row
