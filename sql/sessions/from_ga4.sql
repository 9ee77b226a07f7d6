-- For @days, replace the sessions by those in the GA4 day-tables. A session consists of the events with one
-- user_pseudo_id and one ga_session_id, on the day of its first event. Events without consent have no user_pseudo_id
-- and are left out. Some columns do not exist in every export. If the newest day-table does not have such a column, the
-- caller fills in null, since BigQuery uses the newest table's schema for all day-tables.
-- shared/chain/traffic_sites.py lists the four kinds of sites.
-- @first_suffix      STRING         first of @suffixes
-- @last_suffix       STRING         last of @suffixes
-- @suffixes          ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @time_zone         STRING         the property's time zone, for hour and weekday (source.time_zone)
-- @placeholders      ARRAY<STRING>  texts that Google Analytics writes for an unknown value
-- @days              ARRAY<DATE>    days whose rows are replaced
-- @search_sites      ARRAY<STRING>  search engines in Google's default channel group
-- @social_sites      ARRAY<STRING>  social networks in Google's default channel group
-- @shopping_sites    ARRAY<STRING>  shops in Google's default channel group
-- @video_sites       ARRAY<STRING>  video sites in Google's default channel group
-- @internal_sources  ARRAY<STRING>  traffic sources of the shop's staff (source.internal_sources)
-- @max_hits          INT64          maximum number of hits; a session with more is a robot's (source.max_hits)
merge into sessions as target
using (
    with
    events as (
        select
            user_pseudo_id as visitor_id,
            cast(${user_id} as string) as user_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_id') as visit_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_number') as visit_number,
            (select p.value.string_value from unnest(event_params) as p where p.key = 'source') as event_source,
            (select p.value.string_value from unnest(event_params) as p where p.key = 'medium') as event_medium,
            (select p.value.string_value from unnest(event_params) as p where p.key = 'campaign') as event_campaign,
            (select p.value.string_value from unnest(event_params) as p where p.key = 'gclid') as event_gclid,
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
            cast(${first_campaign} as string) as first_campaign,
            cast(${collected_source} as string) as collected_source,
            cast(${collected_medium} as string) as collected_medium,
            cast(${collected_campaign} as string) as collected_campaign,
            cast(${collected_gclid} as string) as collected_gclid,
            cast(${manual_source} as string) as manual_source,
            cast(${manual_medium} as string) as manual_medium,
            cast(${manual_campaign} as string) as manual_campaign,
            cast(${google_ads_campaign} as string) as google_ads_campaign,
            cast(${last_click_source} as string) as last_click_source,
            cast(${last_click_medium} as string) as last_click_medium,
            cast(${last_click_campaign} as string) as last_click_campaign,
            cast(${last_click_channel} as string) as last_click_channel,
            device.category as device,
            geo.country,
            items
        from `${source}.events_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and user_pseudo_id is not null
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', user_pseudo_id))
            ) not in (select tombstones.digest from tombstones)
    ),

    products as (
        select
            visitor_id,
            visit_id,
            count(distinct if(event_name = 'view_item', item.item_id, null)) as products_viewed,
            count(distinct if(event_name = 'add_to_cart', item.item_id, null)) as products_added
        from events, unnest(items) as item
        where item.item_id not in unnest(@placeholders)
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
            min_by(
                last_click_channel,
                if(last_click_channel not in unnest(@placeholders), happened_at, null)
            ) as told_channel,
            max(device) as device,
            max(country) as country,
            max(user_id) as user_id,
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
            * except (device, country),
            if(device in unnest(@placeholders), null, device) as device,
            if(country in unnest(@placeholders), null, country) as country
        from visits
        where day in unnest(@days)
    ),

    -- The traffic sources that an event names; place 1 is the most reliable. A gclid marks a click on Google Ads, so
    -- manual tags do not count if there is a gclid. The user's first source counts only for the first visit.
    named as (
        select
            events.visitor_id,
            events.visit_id,
            events.happened_at,
            told.place,
            told.source,
            told.medium,
            told.campaign
        from
            events,
            unnest([
                struct(
                    1 as place,
                    last_click_source as source,
                    last_click_medium as medium,
                    last_click_campaign as campaign
                ),
                (
                    2,
                    if(google_ads_campaign not in unnest(@placeholders), 'google', manual_source),
                    if(google_ads_campaign not in unnest(@placeholders), 'cpc', manual_medium),
                    if(google_ads_campaign not in unnest(@placeholders), google_ads_campaign, manual_campaign)
                ),
                (
                    3,
                    if(collected_gclid not in unnest(@placeholders), 'google', collected_source),
                    if(collected_gclid not in unnest(@placeholders), 'cpc', collected_medium),
                    collected_campaign
                ),
                (
                    4,
                    if(event_gclid not in unnest(@placeholders), 'google', event_source),
                    if(event_gclid not in unnest(@placeholders), 'cpc', event_medium),
                    event_campaign
                ),
                (
                    5,
                    if(visit_number = 1, first_source, null),
                    if(visit_number = 1, first_medium, null),
                    if(visit_number = 1, first_campaign, null)
                )
            ]) as told
        where told.source not in unnest(@placeholders) or told.medium not in unnest(@placeholders)
    ),

    sources as (
        select
            visitor_id,
            visit_id,
            if(source in unnest(@placeholders), null, source) as source,
            if(medium in unnest(@placeholders), null, medium) as medium,
            campaign
        from named
        qualify
            row_number() over (
                partition by visitor_id, visit_id
                order by place, happened_at, source, medium, campaign
            ) = 1
    ),

    -- `site` is the host without a prefix such as www, m or a country code. `brand` is `site` without .com.
    sites as (
        select
            visitor_id,
            visit_id,
            lower(source) as source,
            lower(medium) as medium,
            lower(campaign) as campaign,
            regexp_replace(lower(source), r'^(www|web|mobile|touch|[a-z]{1,2})\.(.+\..+)', r'\2') as site
        from sources
    ),

    brands as (
        select
            *,
            regexp_replace(site, r'\.com\z', '') as brand
        from sites
    ),

    kinds as (
        select
            *,
            case
                when site in unnest(@shopping_sites) or brand in unnest(@shopping_sites) then 'shopping'
                when site in unnest(@search_sites) or brand in unnest(@search_sites) then 'search'
                when site in unnest(@social_sites) or brand in unnest(@social_sites) then 'social'
                when site in unnest(@video_sites) or brand in unnest(@video_sites) then 'video'
            end as kind,
            regexp_contains(medium, r'^(.*cp.*|ppc|retargeting|paid.*)\z') as is_paid,
            regexp_contains(campaign, r'([^a-df-z]|^)shop|shopping') as is_shopping_campaign
        from brands
    ),

    -- The rules of Google's default channel group, in Google's order: support.google.com/analytics/answer/9756891.
    channels as (
        select
            visitor_id,
            visit_id,
            case
                when source = '(direct)' and coalesce(medium, '(none)') = '(none)' then 'Direct'
                when campaign like '%cross-network%' then 'Cross-network'
                when is_paid and (kind = 'shopping' or is_shopping_campaign) then 'Paid Shopping'
                when is_paid and kind = 'search' then 'Paid Search'
                when is_paid and kind = 'social' then 'Paid Social'
                when is_paid and kind = 'video' then 'Paid Video'
                when medium in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
                when is_paid then 'Paid Other'
                when kind = 'shopping' or is_shopping_campaign then 'Organic Shopping'
                when
                    kind = 'social'
                    or medium in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media')
                    then 'Organic Social'
                when kind = 'video' or medium like '%video%' then 'Organic Video'
                when kind = 'search' or medium = 'organic' then 'Organic Search'
                when medium = 'ai-assistant' then 'AI Assistant'
                when medium in ('referral', 'app', 'link') then 'Referral'
                when
                    source in ('email', 'e-mail', 'e_mail', 'e mail')
                    or medium in ('email', 'e-mail', 'e_mail', 'e mail')
                    then 'Email'
                when medium = 'affiliate' then 'Affiliates'
                when medium = 'audio' then 'Audio'
                when source = 'sms' or medium = 'sms' then 'SMS'
                when
                    source = 'firebase'
                    or medium like '%push'
                    or medium like '%mobile%'
                    or medium like '%notification%'
                    then 'Mobile Push Notifications'
                else 'Unassigned'
            end as channel
        from kinds
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
        -- orders/sessions sets transactions and revenue.
        0 as transactions,
        0.0 as revenue,
        sources.source,
        sources.medium,
        coalesce(clean.told_channel, channels.channel) as channel,
        clean.device,
        clean.country,
        extract(hour from clean.started_at at time zone @time_zone) as hour,
        format_timestamp('%A', clean.started_at, @time_zone) as weekday,
        clean.furthest_step,
        coalesce(products.products_viewed, 0) as products_viewed,
        coalesce(products.products_added, 0) as products_added,
        0 as duplicate_rows,
        coalesce(sources.source in unnest(@internal_sources), false) or clean.hits > @max_hits as is_internal,
        clean.user_id
    from clean
    left join sources
        on clean.visitor_id = sources.visitor_id and clean.visit_id = sources.visit_id
    left join channels
        on clean.visitor_id = channels.visitor_id and clean.visit_id = channels.visit_id
    left join products
        on clean.visitor_id = products.visitor_id and clean.visit_id = products.visit_id
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
