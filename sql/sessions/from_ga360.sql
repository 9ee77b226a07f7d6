-- Replace the sessions of the days named by what the GA360 day-tables around them hold. A session that crosses
-- midnight stands in two tables under one visitId: its parts are added up on the day on which it began. A row that
-- stands twice in one table counts once.
merge into sessions as target
using (
    with
    visits as (
        select
            fullvisitorid as visitor_id,
            visitid as visit_id,
            parse_date('%Y%m%d', date) as day,
            timestamp_seconds(visitstarttime) as started_at,
            visitnumber as visit_number,
            coalesce(totals.newvisits, 0) = 1 as is_new_visit,
            coalesce(totals.hits, 0) as hits,
            coalesce(totals.pageviews, 0) as pageviews,
            coalesce(totals.timeonsite, 0) as time_on_site,
            coalesce(totals.bounces, 0) as bounces,
            coalesce(totals.transactions, 0) as transactions,
            coalesce(totals.totaltransactionrevenue, 0) / 1e6 as revenue,
            if(trafficsource.source in unnest(@placeholders), null, trafficsource.source) as source,
            if(trafficsource.medium in unnest(@placeholders), null, trafficsource.medium) as medium,
            if(channelgrouping in unnest(@placeholders), null, channelgrouping) as channel,
            if(device.devicecategory in unnest(@placeholders), null, device.devicecategory) as device,
            if(geonetwork.country in unnest(@placeholders), null, geonetwork.country) as country,
            coalesce(hits[safe_offset(0)].hour, extract(hour from timestamp_seconds(visitstarttime))) as hour,
            (
                select max(cast(hit.ecommerceaction.action_type as int64))
                from unnest(hits) as hit
                where hit.ecommerceaction.action_type in ('1', '2', '3', '5', '6')
            ) as furthest_step,
            (
                select count(distinct product.productsku)
                from unnest(hits) as hit, unnest(hit.product) as product
                where hit.ecommerceaction.action_type = '2'
            ) as products_viewed,
            (
                select count(distinct product.productsku)
                from unnest(hits) as hit, unnest(hit.product) as product
                where hit.ecommerceaction.action_type = '3'
            ) as products_added,
            row_number() over (
                partition by fullvisitorid, visitid, date
                order by totals.hits desc, visitstarttime asc
            ) as copy,
            count(*) over (partition by fullvisitorid, visitid, date) as copies
        from `${source}.ga_sessions_*`
        where _table_suffix between @first_suffix and @last_suffix and _table_suffix in unnest(@suffixes)
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
            sum(transactions) as transactions,
            sum(revenue) as revenue,
            max(if(part = 1, source, null)) as source,
            max(if(part = 1, medium, null)) as medium,
            max(if(part = 1, channel, null)) as channel,
            max(if(part = 1, device, null)) as device,
            max(if(part = 1, country, null)) as country,
            max(if(part = 1, hour, null)) as hour,
            max(furthest_step) as furthest_step,
            sum(products_viewed) as products_viewed,
            sum(products_added) as products_added,
            sum(copies - 1) as duplicate_rows
        from parts
        group by visitor_id, visit_id
    )

    select
        concat(visitor_id, '-', cast(visit_id as string)) as session_id,
        visitor_id,
        day,
        started_at,
        visit_number,
        is_new_visit,
        hits,
        pageviews,
        time_on_site,
        bounces,
        transactions,
        revenue,
        source,
        medium,
        channel,
        device,
        country,
        hour,
        format_date('%A', day) as weekday,
        coalesce(furthest_step, 0) as furthest_step,
        products_viewed,
        products_added,
        duplicate_rows,
        coalesce(source in unnest(@internal_sources), false) or hits > @max_hits as is_internal
    from whole
    where day in unnest(@days)
) as fresh
    on false
when not matched by source and target.day in unnest(@days) then delete
when not matched then insert row
