-- Replace the reports of orders and refunds of the days named by what their GA360 day-tables hold. A session tells each
-- order once, however many hits name it. The export sums up a session's revenue, which is divided evenly among its
-- orders; less than nothing is a refund.
-- @days          ARRAY<DATE>    days to replace
-- @suffixes      ARRAY<STRING>  day-tables to read, each as YYYYMMDD
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @no_ids        ARRAY<STRING>  texts that are no id of an order
merge into order_reports as target
using (
    with
    -- Day-tables are chosen before the hits are taken apart, as in sessions/from_ga360.
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

    -- Without enhanced e-commerce an order's hits have no action, but its id. Groups are filtered and not hits, as the
    -- reason in sessions/from_ga360 says.
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
        -- A refund that lists products is of a part, and the export does not say of how much.
        case
            when kind = 'order' then abs(share)
            when products > 0 then 0.0
        end as amount
    from shared
) as fresh
    on false
when not matched by source and target.day in unnest(@days) then delete
when not matched then insert row
