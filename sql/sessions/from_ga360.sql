-- For @days, replace the sessions by those in the GA360 day-tables. A session that crosses midnight is in two
-- day-tables under one visitId; its parts are added up on the day on which the session began. Duplicate rows of a
-- day-table count once. A row without an interaction (totals.visits is NULL) is not a session.
-- @placeholders      ARRAY<STRING>  texts that Google Analytics writes for an unknown value
-- @first_suffix      STRING         first of @suffixes
-- @last_suffix       STRING         last of @suffixes
-- @suffixes          ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @internal_sources  ARRAY<STRING>  traffic sources of the shop's staff (source.internal_sources)
-- @max_hits          INT64          maximum number of hits; a session with more is a robot's (source.max_hits)
-- @time_zone         STRING         the view's time zone, used only if the first hit has no hour (source.time_zone)
-- @days              ARRAY<DATE>    days whose rows are replaced
merge into sessions as target
using (
    with
    export as (
        select
            coalesce(fullVisitorId, '') as visitor_id,
            visitId as visit_id,
            date as table_date,
            parse_date('%Y%m%d', date) as day,
            timestamp_seconds(visitStartTime) as started_at,
            visitNumber as visit_number,
            coalesce(totals.newVisits, 0) = 1 as is_new_visit,
            coalesce(totals.hits, 0) as hits,
            coalesce(totals.pageviews, 0) as pageviews,
            coalesce(totals.timeOnSite, 0) as time_on_site,
            coalesce(totals.bounces, 0) as bounces,
            if(trafficSource.source in unnest(@placeholders), null, trafficSource.source) as source,
            if(trafficSource.medium in unnest(@placeholders), null, trafficSource.medium) as medium,
            if(channelGrouping in unnest(@placeholders), null, channelGrouping) as channel,
            if(device.deviceCategory in unnest(@placeholders), null, device.deviceCategory) as device,
            if(geoNetwork.country in unnest(@placeholders), null, geoNetwork.country) as country,
            hits[safe_offset(0)].hour as first_hour,
            cast(${ga360_user_id} as string) as user_id
        from `${source}.ga_sessions_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and totals.visits is not null
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', coalesce(fullVisitorId, '')))
            ) not in (select tombstones.digest from tombstones)
    ),

    -- This is a separate step, so that rows are sorted without their hits.
    visits as (
        select
            * except (table_date),
            row_number() over (
                partition by visitor_id, visit_id, table_date
                order by hits desc, started_at asc
            ) as copy,
            count(*) over (partition by visitor_id, visit_id, table_date) as copies
        from export
    ),

    -- The day-tables are filtered here, before the hits are unnested. The UNNEST below has no filter. With a filter, an
    -- engine that decorrelates UNNEST would copy all hits of a session for each hit.
    clicks as (
        select
            coalesce(fullVisitorId, '') as visitor_id,
            visitId as visit_id,
            hits
        from `${source}.ga_sessions_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and totals.visits is not null
    ),

    actions as (
        select
            clicks.visitor_id,
            clicks.visit_id,
            hit.eCommerceAction.action_type,
            hit.product as products
        from clicks, unnest(clicks.hits) as hit
    ),

    steps as (
        select
            visitor_id,
            visit_id,
            max(if(action_type in ('1', '2', '3', '5', '6'), cast(action_type as int64), 0)) as furthest_step
        from actions
        group by visitor_id, visit_id
    ),

    -- This UNNEST has no filter either, for the same reason.
    items as (
        select
            actions.visitor_id,
            actions.visit_id,
            actions.action_type,
            if(
                product.isImpression is not true and product.productSKU not in unnest(@placeholders),
                product.productSKU,
                null
            ) as product_id
        from actions, unnest(actions.products) as product
    ),

    products as (
        select
            visitor_id,
            visit_id,
            count(distinct if(action_type = '2', product_id, null)) as viewed,
            count(distinct if(action_type = '3', product_id, null)) as added
        from items
        group by visitor_id, visit_id
    ),

    parts as (
        select
            *,
            row_number() over (partition by visitor_id, visit_id order by day, started_at) as part
        from visits
        where copy = 1
    ),

    whole as (
        select
            visitor_id,
            visit_id,
            min(day) as day,
            min(started_at) as started_at,
            min(visit_number) as visit_number,
            logical_or(is_new_visit) as is_new_visit,
            sum(hits) as hits,
            sum(pageviews) as pageviews,
            sum(time_on_site) as time_on_site,
            if(count(*) = 1, max(bounces), 0) as bounces,
            max(if(part = 1, source, null)) as source,
            max(if(part = 1, medium, null)) as medium,
            max(if(part = 1, channel, null)) as channel,
            max(if(part = 1, device, null)) as device,
            max(if(part = 1, country, null)) as country,
            max(if(part = 1, first_hour, null)) as first_hour,
            sum(copies - 1) as duplicate_rows,
            max(user_id) as user_id
        from parts
        group by visitor_id, visit_id
    )

    select
        concat(whole.visitor_id, '-', cast(whole.visit_id as string)) as session_id,
        whole.visitor_id,
        whole.day,
        whole.started_at,
        whole.visit_number,
        whole.is_new_visit,
        whole.hits,
        whole.pageviews,
        whole.time_on_site,
        whole.bounces,
        -- orders/sessions sets transactions and revenue.
        0 as transactions,
        0.0 as revenue,
        whole.source,
        whole.medium,
        whole.channel,
        whole.device,
        whole.country,
        coalesce(whole.first_hour, extract(hour from whole.started_at at time zone @time_zone)) as hour,
        format_date('%A', whole.day) as weekday,
        coalesce(steps.furthest_step, 0) as furthest_step,
        coalesce(products.viewed, 0) as products_viewed,
        coalesce(products.added, 0) as products_added,
        whole.duplicate_rows,
        coalesce(whole.source in unnest(@internal_sources), false) or whole.hits > @max_hits as is_internal,
        whole.user_id
    from whole
    left join steps
        on whole.visitor_id = steps.visitor_id and whole.visit_id = steps.visit_id
    left join products
        on whole.visitor_id = products.visitor_id and whole.visit_id = products.visit_id
    where whole.day in unnest(@days)
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
