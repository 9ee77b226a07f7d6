-- Replace the interactions of the days named by what the GA4 day-tables around them hold. Their sessions must be in
-- `sessions`, which knows the day on which each began, however many tables it lies in. An event that stands twice
-- counts once.
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @suffixes      ARRAY<STRING>  day-tables to read, each as YYYYMMDD
-- @days          ARRAY<DATE>    days to replace
merge into interactions as target
using (
    with
    events as (
        select
            user_pseudo_id as visitor_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_id') as visit_id,
            event_timestamp,
            case event_name when 'view_item' then 'viewed' when 'add_to_cart' then 'added' else 'bought' end as action,
            items
        from `${source}.events_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and user_pseudo_id is not null
            and event_name in ('view_item', 'add_to_cart', 'purchase')
    ),

    once as (
        select
            events.visitor_id,
            events.visit_id,
            events.event_timestamp,
            events.action,
            item.item_id as product_id,
            max(item.quantity) as quantity
        from events, unnest(events.items) as item
        where item.item_id is not null
        group by visitor_id, visit_id, event_timestamp, action, product_id
    ),

    totals as (
        select
            concat(visitor_id, '-', cast(visit_id as string)) as session_id,
            product_id,
            action,
            sum(if(action = 'viewed', 1, greatest(coalesce(quantity, 1), 1))) as quantity
        from once
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
