-- For @days, replace the interactions by those in the GA360 day-tables. An interaction gets the day on which its
-- session began. A session can be in two day-tables, so this day is read from `sessions`, which must be written before.
-- Purchases count only if `orders` assigns the order to the session, so a repeated report adds no purchase. Duplicate
-- hits, and duplicate products of a hit, count once.
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @suffixes      ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @days          ARRAY<DATE>    days whose rows are replaced
-- @placeholders  ARRAY<STRING>  texts that Google Analytics writes for an unknown value
-- @no_ids        ARRAY<STRING>  texts that are not the id of an order, such as (not set)
merge into interactions as target
using (
    with
    -- Day-tables are selected before the hits are unnested; sessions/from_ga360 explains why.
    clicks as (
        select
            fullVisitorId as visitor_id,
            visitId as visit_id,
            visitStartTime as started,
            date as table_date,
            hits
        from `${source}.ga_sessions_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and totals.visits is not null
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', coalesce(fullVisitorId, '')))
            ) not in (select tombstones.digest from tombstones)
    ),

    actions as (
        select
            clicks.visitor_id,
            clicks.visit_id,
            clicks.started,
            clicks.table_date,
            hit.hitNumber as hit_number,
            if(trim(hit.transaction.transactionId) in unnest(@no_ids), null, trim(hit.transaction.transactionId))
                as transaction_id,
            case hit.eCommerceAction.action_type when '2' then 'viewed' when '3' then 'added' when '6' then 'bought' end
                as action,
            hit.product as products
        from clicks, unnest(clicks.hits) as hit
    ),

    -- `occasion` identifies duplicates. All hits about the same order are one occasion. For other hits, the occasion is
    -- the day-table's date and the hit's number, since hit numbers restart in each day-table.
    items as (
        select
            concat(actions.visitor_id, '-', cast(actions.visit_id as string)) as session_id,
            actions.action,
            case
                when actions.action != 'bought' then concat(actions.table_date, ' ', cast(actions.hit_number as string))
                else coalesce(
                    actions.transaction_id, concat(actions.visitor_id, ' ', cast(actions.started as string))
                )
            end as occasion,
            product.productSKU as product_id,
            max(product.productQuantity) as quantity
        from actions, unnest(actions.products) as product
        where
            actions.action is not null
            and product.productSKU not in unnest(@placeholders)
            and product.isImpression is not true
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
        select items.*
        from items
        left join placed
            on items.occasion = placed.order_id and items.session_id = placed.session_id
        where items.action != 'bought' or placed.order_id is not null
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
