-- Read one parameter of each event.
select event_name, (select value.string_value from unnest(event_params) where key = 'page_location') as page from ga4_events order by event_timestamp;

select event_name, (select value.int_value from unnest(event_params) where key = 'ga_session_id') as session_id from ga4_events order by event_timestamp;

select event_name, (select ep.value.int_value from unnest(event_params) as ep where ep.key = 'ga_session_id') as session_id from ga4_events order by event_timestamp;

select event_name, (select coalesce(value.string_value, cast(value.int_value as string), cast(value.double_value as string)) from unnest(event_params) where key = 'value') as v from ga4_events order by event_timestamp;

-- Return all parameters of events as rows.
select event_name, ep.key, ep.value.string_value, ep.value.int_value from ga4_events, unnest(event_params) as ep order by event_timestamp, key;

select event_name, key, value.int_value from ga4_events, unnest(event_params) where key = 'ga_session_id' order by event_timestamp;

select key, count(*) as n from ga4_events, unnest(event_params) group by key order by n desc, key;

-- Count events, users and sessions per day.
select parse_date('%Y%m%d', event_date) as day, count(*) as events, count(distinct user_pseudo_id) as users from ga4_events group by day order by day;

select event_date, count(distinct concat(user_pseudo_id, '-', cast((select value.int_value from unnest(event_params) where key = 'ga_session_id') as string))) as sessions from ga4_events group by event_date order by event_date;

select user_pseudo_id, min(event_timestamp) as first_seen, timestamp_micros(max(event_timestamp)) as last_seen from ga4_events group by user_pseudo_id order by 1;

-- Read the items of events.
select item_id, item_name, sum(price * quantity) as revenue, sum(quantity) as sold from ga4_events, unnest(items) where event_name = 'purchase' group by item_id, item_name order by item_id;

select event_name, i.item_name, i.price from ga4_events cross join unnest(items) as i order by event_timestamp, i.item_id;

select event_name, i.item_name from ga4_events left join unnest(items) as i order by event_timestamp, i.item_id;

select event_name, array_length(items) as n, (select sum(price * quantity) from unnest(items)) as basket, (select string_agg(item_name, '+' order by item_id) from unnest(items)) as names from ga4_events order by event_timestamp;

select event_name, ecommerce.purchase_revenue, ecommerce.transaction_id from ga4_events order by event_timestamp;

select sum(ecommerce.purchase_revenue) as revenue, count(distinct ecommerce.transaction_id) as orders from ga4_events;

-- List sessions with their first page and their engagement.
with events as (
  select user_pseudo_id, event_name, event_timestamp,
    (select value.int_value from unnest(event_params) where key = 'ga_session_id') as session_id,
    (select value.string_value from unnest(event_params) where key = 'page_location') as page,
    (select value.int_value from unnest(event_params) where key = 'engagement_time_msec') as engaged
  from ga4_events
)
select user_pseudo_id, session_id, count(*) as events,
  array_agg(page ignore nulls order by event_timestamp limit 1)[safe_offset(0)] as landing_page,
  sum(engaged) / 1000 as seconds,
  max(event_timestamp) - min(event_timestamp) as micros,
  logical_or(event_name = 'purchase') as has_bought,
  max(if(event_name = 'add_to_cart', 1, 0)) as has_cart
from events where session_id is not null group by user_pseudo_id, session_id order by session_id;

select user_pseudo_id, event_name, lead(event_name) over (partition by user_pseudo_id order by event_timestamp) as next_event, timestamp_diff(timestamp_micros(event_timestamp), timestamp_micros(lag(event_timestamp) over (partition by user_pseudo_id order by event_timestamp)), second) as seconds from ga4_events order by event_timestamp;

select event_name, regexp_extract((select value.string_value from unnest(event_params) where key = 'page_location'), r'utm_source=([^&#]*)') as source, regexp_replace((select value.string_value from unnest(event_params) where key = 'page_location'), r'[?#].*$', '') as path from ga4_events order by event_timestamp;

select device.category, device.web_info.browser, count(*) as n from ga4_events group by 1, 2 order by 1, 2;

select coalesce(geo.country, '(not set)') as country, geo.city, count(distinct user_pseudo_id) as users from ga4_events group by country, geo.city order by country, city;

select extract(hour from timestamp_micros(event_timestamp) at time zone 'Europe/Berlin') as hour, count(*) as n from ga4_events group by hour order by hour;

select countif(event_name = 'page_view') as views, countif(event_name = 'add_to_cart') as carts, countif(event_name = 'purchase') as purchases, safe_divide(countif(event_name = 'purchase'), countif(event_name = 'add_to_cart')) as rate from ga4_events;

select user_pseudo_id from ga4_events where exists (select 1 from unnest(event_params) where key = 'coupon') order by 1;

select event_name, array(select key from unnest(event_params) order by key) as keys from ga4_events order by event_timestamp;

select event_name, array(select as struct key, value.int_value as v from unnest(event_params) where value.int_value is not null order by key) as ints from ga4_events order by event_timestamp;

select event_name, to_json_string(event_params) as params, to_json_string(device) as device, to_json_string(items) as items from ga4_events order by event_timestamp;

select user_pseudo_id, string_agg(event_name, ' > ' order by event_timestamp) as path from ga4_events group by user_pseudo_id order by 1;

select event_name, event_timestamp from ga4_events where true qualify row_number() over (partition by user_pseudo_id order by event_timestamp desc) = 1 order by event_timestamp;

select * except (event_params, items, device, geo, ecommerce) from ga4_events where event_date between '20240105' and format_date('%Y%m%d', date_add(date '2024-01-05', interval 1 day)) order by event_timestamp;

select event_name, ep from ga4_events, unnest(event_params) as ep where ep.key = 'value' order by event_timestamp;

with funnel as (
  select user_pseudo_id,
    min(if(event_name = 'add_to_cart', event_timestamp, null)) as cart_at,
    min(if(event_name = 'purchase', event_timestamp, null)) as bought_at
  from ga4_events group by user_pseudo_id
)
select user_pseudo_id, cart_at < bought_at as in_order, timestamp_diff(timestamp_micros(bought_at), timestamp_micros(cart_at), hour) as hours from funnel order by 1;

select date_trunc(parse_date('%Y%m%d', event_date), week(monday)) as week, count(*) as n from ga4_events group by week order by week;
