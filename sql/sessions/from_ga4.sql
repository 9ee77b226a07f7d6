-- Replace the sessions of the days named by what the GA4 day-tables around them hold. A session is what one
-- user_pseudo_id does under one ga_session_id; it belongs to the day of its first event. Events without consent carry
-- no user_pseudo_id and belong to nobody.
-- @first_suffix      STRING         first of @suffixes
-- @last_suffix       STRING         last of @suffixes
-- @suffixes          ARRAY<STRING>  day-tables to read, each as YYYYMMDD
-- @time_zone         STRING         the property's time zone, in which hour and weekday are told (source.time_zone)
-- @placeholders      ARRAY<STRING>  texts with which Google Analytics says that it does not know
-- @days              ARRAY<DATE>    days to replace
-- @internal_sources  ARRAY<STRING>  sources of the staff's own traffic (source.internal_sources)
-- @max_hits          INT64          most hits of a session; one with more is a robot's (source.max_hits)
merge into sessions as target
using (
    with
    events as (
        select
            user_pseudo_id as visitor_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_id') as visit_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_number') as visit_number,
            (select p.value.string_value from unnest(event_params) as p where p.key = 'source') as event_source,
            (select p.value.string_value from unnest(event_params) as p where p.key = 'medium') as event_medium,
            (
                select coalesce(p.value.string_value, cast(p.value.int_value as string))
                from unnest(event_params) as p
                where p.key = 'session_engaged'
            ) as session_engaged,
            parse_date('%Y%m%d', event_date) as day,
            timestamp_micros(event_timestamp) as happened_at,
            event_name,
            traffic_source.source as first_source,
            traffic_source.medium as first_medium,
            device.category as device,
            geo.country,
            coalesce(ecommerce.purchase_revenue, 0) as revenue,
            items
        from `${source}.events_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and user_pseudo_id is not null
    ),

    products as (
        select
            visitor_id,
            visit_id,
            count(distinct if(event_name = 'view_item', item.item_id, null)) as products_viewed,
            count(distinct if(event_name = 'add_to_cart', item.item_id, null)) as products_added
        from events, unnest(items) as item
        group by visitor_id, visit_id
    ),

    visits as (
        select
            visitor_id,
            visit_id,
            min(day) as day,
            min(happened_at) as started_at,
            min(visit_number) as visit_number,
            count(*) as hits,
            countif(event_name = 'page_view') as pageviews,
            timestamp_diff(max(happened_at), min(happened_at), second) as time_on_site,
            if(countif(session_engaged = '1') = 0, 1, 0) as bounces,
            countif(event_name = 'purchase') as transactions,
            sum(if(event_name = 'purchase', revenue, 0)) as revenue,
            coalesce(min_by(event_source, if(event_source is null, null, happened_at)), max(first_source)) as source,
            coalesce(min_by(event_medium, if(event_medium is null, null, happened_at)), max(first_medium)) as medium,
            max(device) as device,
            max(country) as country,
            max(
                case
                    when event_name = 'purchase' then 6
                    when event_name in ('begin_checkout', 'add_shipping_info', 'add_payment_info') then 5
                    when event_name = 'add_to_cart' then 3
                    when event_name = 'view_item' then 2
                    when event_name in ('view_item_list', 'select_item') then 1
                    else 0
                end
            ) as furthest_step
        from events
        where visit_id is not null
        group by visitor_id, visit_id
    ),

    clean as (
        select
            * except (source, medium, device, country),
            if(source in unnest(@placeholders), null, source) as source,
            if(medium in unnest(@placeholders), null, medium) as medium,
            if(device in unnest(@placeholders), null, device) as device,
            if(country in unnest(@placeholders), null, country) as country
        from visits
        where day in unnest(@days)
    )

    select
        concat(clean.visitor_id, '-', cast(clean.visit_id as string)) as session_id,
        clean.visitor_id,
        clean.day,
        clean.started_at,
        clean.visit_number,
        coalesce(clean.visit_number = 1, false) as is_new_visit,
        clean.hits,
        clean.pageviews,
        clean.time_on_site,
        clean.bounces,
        clean.transactions,
        clean.revenue,
        clean.source,
        clean.medium,
        -- GA4's older exports have no channel: those rules of the default channel group that need source and medium.
        case
            when clean.source = '(direct)' then 'Direct'
            when clean.medium in ('cpc', 'ppc', 'paidsearch') then 'Paid Search'
            when clean.medium = 'organic' then 'Organic Search'
            when clean.medium = 'affiliate' then 'Affiliates'
            when clean.medium = 'email' then 'Email'
            when clean.medium in ('display', 'cpm', 'banner') then 'Display'
            when clean.medium in ('social', 'social-network', 'sm') then 'Social'
            when clean.medium = 'referral' then 'Referral'
        end as channel,
        clean.device,
        clean.country,
        extract(hour from clean.started_at at time zone @time_zone) as hour,
        format_timestamp('%A', clean.started_at, @time_zone) as weekday,
        clean.furthest_step,
        coalesce(products.products_viewed, 0) as products_viewed,
        coalesce(products.products_added, 0) as products_added,
        0 as duplicate_rows,
        coalesce(clean.source in unnest(@internal_sources), false) or clean.hits > @max_hits as is_internal
    from clean
    left join products
        on clean.visitor_id = products.visitor_id and clean.visit_id = products.visit_id
) as fresh
    on false
when not matched by source and target.day in unnest(@days) then delete
when not matched then insert row
