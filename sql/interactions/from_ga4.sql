-- For @days, replace the interactions by those in the GA4 day-tables. An interaction gets the day on which its session
-- began. A session can be in two day-tables, so this day is read from `sessions`, which must be written before.
-- Purchases count only if `orders` assigns the order to the session, so a repeated report adds no purchase. Duplicate
-- events count once.
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @suffixes      ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @days          ARRAY<DATE>    days whose rows are replaced
-- @placeholders  ARRAY<STRING>  texts that Google Analytics writes for an unknown value
-- @no_ids        ARRAY<STRING>  texts that are not the id of an order, such as (not set)
merge into interactions as target
using (
    with
    events as (
        select
            user_pseudo_id as visitor_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_id') as visit_id,
            timestamp_micros(event_timestamp) as happened_at,
            if(trim(ecommerce.transaction_id) in unnest(@no_ids), null, trim(ecommerce.transaction_id))
                as transaction_id,
            case event_name when 'view_item' then 'viewed' when 'add_to_cart' then 'added' else 'bought' end as action,
            items
        from `${source}.events_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and user_pseudo_id is not null
            and event_name in ('view_item', 'add_to_cart', 'purchase')
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', user_pseudo_id))
            ) not in (select tombstones.digest from tombstones)
    ),

    -- `occasion` identifies duplicates: all events about the same order are one occasion.
    once as (
        select
            concat(events.visitor_id, '-', cast(events.visit_id as string)) as session_id,
            events.action,
            case
                when events.action != 'bought' then cast(events.happened_at as string)
                else coalesce(
                    events.transaction_id,
                    concat(events.visitor_id, ' ', cast(unix_seconds(events.happened_at) as string))
                )
            end as occasion,
            item.item_id as product_id,
            max(item.quantity) as quantity
        from events, unnest(events.items) as item
        where item.item_id not in unnest(@placeholders)
        group by session_id, action, occasion, product_id
    ),

    placed as (
        select
            order_id,
            session_id
        from orders
        where day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
    ),

    counted as (
        select once.*
        from once
        left join placed
            on once.occasion = placed.order_id and once.session_id = placed.session_id
        where once.action != 'bought' or placed.order_id is not null
    ),

    totals as (
        select
            session_id,
            product_id,
            action,
            sum(if(action = 'viewed', 1, greatest(coalesce(quantity, 1), 1))) as quantity
        from counted
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
    where
        sessions.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
        and sessions.day in unnest(@days)
        and not sessions.is_internal
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
