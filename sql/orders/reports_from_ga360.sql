-- For @days, replace the reports of orders and refunds by those in the GA360 day-tables. Several hits of a session
-- about the same order are one report. The export has only the total revenue of a session. This revenue is divided
-- evenly among the session's orders. A negative revenue is a refund.
-- @days          ARRAY<DATE>    days whose rows are replaced
-- @suffixes      ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @no_ids        ARRAY<STRING>  texts that are not the id of an order, such as (not set)
merge into order_reports as target
using (
    with
    -- Day-tables are selected before the hits are unnested; sessions/from_ga360 explains why.
    visits as (
        select
            parse_date('%Y%m%d', date) as day,
            timestamp_seconds(visitStartTime) as started_at,
            nullif(fullVisitorId, '') as visitor_id,
            visitId as visit_id,
            coalesce(totals.totalTransactionRevenue, 0) / 1e6 as revenue,
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
            visits.day,
            visits.started_at,
            visits.visitor_id,
            visits.visit_id,
            visits.revenue,
            hit.eCommerceAction.action_type,
            trim(hit.transaction.transactionId) as transaction_id,
            coalesce(array_length(hit.product), 0) as products
        from visits, unnest(visits.hits) as hit
    ),

    -- Without enhanced e-commerce, the hits of an order have no action type, only the order's id. The filter applies to
    -- groups instead of hits; sessions/from_ga360 explains why.
    told as (
        select
            day,
            visitor_id,
            visit_id,
            if(transaction_id in unnest(@no_ids), null, transaction_id) as order_id,
            if(action_type = '7', 'refund', 'order') as kind,
            min(started_at) as started_at,
            max(revenue) as revenue,
            max(products) as products
        from actions
        group by day, visitor_id, visit_id, order_id, kind
        having logical_or(action_type in ('6', '7')) or order_id is not null
    ),

    shared as (
        select
            *,
            revenue / greatest(countif(kind = 'order') over (partition by day, visitor_id, visit_id), 1) as share
        from told
    )

    select
        day,
        started_at as reported_at,
        order_id,
        visitor_id,
        concat(visitor_id, '-', cast(visit_id as string)) as session_id,
        if(share < 0, 'refund', kind) as kind,
        -- A refund with products is a partial refund, and the export does not contain its amount.
        case
            when kind = 'order' then abs(share)
            when products > 0 then 0.0
        end as amount
    from shared
    where
        to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|order|', coalesce(order_id, ''))))
        not in (select tombstones.digest from tombstones)
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
