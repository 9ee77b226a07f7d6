select fullVisitorId, visitId, totals.pageviews, trafficSource.source, device.deviceCategory from ga360_sessions order by visitId;

select h.page.pagePath, count(*) as views from ga360_sessions, unnest(hits) as h where h.type = 'PAGE' group by 1 order by views desc, 1;

select visitId, h.hitNumber, h.eCommerceAction.action_type from ga360_sessions as s, unnest(s.hits) as h order by 1, 2;

select visitId, hits.hitNumber, hits.page.pagePath from ga360_sessions, unnest(hits) as hits order by 1, 2;

select visitId, hits.hitNumber, hits.page.pagePath from ga360_sessions, unnest(ga360_sessions.hits) as hits order by 1, 2;

select visitId, hitNumber, page.pagePath from ga360_sessions, unnest(hits) order by 1, 2;

select visitId, h.hitNumber, p.productSKU, p.productPrice / 1e6 as price from ga360_sessions, unnest(hits) as h, unnest(h.product) as p order by 1, 2, 3;

select p.v2ProductName as product, sum(p.productQuantity) as sold, sum(p.productPrice * p.productQuantity) / 1000000 as revenue from ga360_sessions as s cross join unnest(s.hits) as h cross join unnest(h.product) as p where h.eCommerceAction.action_type = '6' group by product order by product;

select visitId, product.productSKU from ga360_sessions, unnest(hits) as hits, unnest(hits.product) as product order by 1, 2, hits.hitNumber;

select visitId, (select value from unnest(customDimensions) where index = 2) as level from ga360_sessions order by visitId;

select visitId, (select max(if(index = 1, value, null)) from unnest(h.customDimensions)) as language, h.hitNumber from ga360_sessions, unnest(hits) as h order by 1, 3;

select visitId, (select count(1) from unnest(hits) as h where h.eCommerceAction.action_type = '2') as views, (select max(hitNumber) from unnest(hits)) as last_hit from ga360_sessions order by visitId;

select visitId, (select page.pagePath from unnest(hits) where hitNumber = 1) as landing, (select h.page.pagePath from unnest(hits) as h order by h.hitNumber desc limit 1) as exit_page from ga360_sessions order by visitId;

select visitId, exists(select 1 from unnest(hits) as h, unnest(h.product) as p where p.productSKU = 'p2' and h.eCommerceAction.action_type = '3') as has_carted from ga360_sessions order by visitId;

select visitId, array(select distinct p.productSKU from unnest(hits) as h, unnest(h.product) as p order by 1) as products from ga360_sessions order by visitId;

select date, sum(totals.transactions) as orders, sum(totals.totalTransactionRevenue) / 1e6 as revenue, ifnull(sum(totals.transactions), 0) as orders_or_0 from ga360_sessions group by date order by date;

select parse_date('%Y%m%d', date) as day, count(distinct fullVisitorId) as visitors, count(distinct concat(fullVisitorId, cast(visitId as string))) as sessions from ga360_sessions group by day order by day;

select fullVisitorId, max(visitNumber) as visits, sum(ifnull(totals.timeOnSite, 0)) as seconds, avg(totals.pageviews) as pages from ga360_sessions group by fullVisitorId order by 1;

select trafficSource.medium, safe_divide(sum(totals.transactions), count(*)) as rate from ga360_sessions group by trafficSource.medium order by 1;

select visitId, timestamp_seconds(visitStartTime) as started_at, format_timestamp('%H:%M', timestamp_seconds(visitStartTime), 'America/Los_Angeles') as local_time, extract(dayofweek from timestamp_seconds(visitStartTime)) as weekday from ga360_sessions order by visitId;

select visitId, h.time / 1000 as seconds, lead(h.time) over (partition by fullVisitorId, visitId order by h.hitNumber) - h.time as on_page from ga360_sessions, unnest(hits) as h order by visitId, h.hitNumber;

select fullVisitorId, visitId, date_diff(parse_date('%Y%m%d', date), lag(parse_date('%Y%m%d', date)) over (partition by fullVisitorId order by visitStartTime), day) as days_since from ga360_sessions order by visitId;

select visitId, array(select as struct h.hitNumber as n, array_length(h.product) as products from unnest(hits) as h order by h.hitNumber) as hits from ga360_sessions order by visitId;

select visitId, h.hitNumber, cd.value from ga360_sessions, unnest(hits) as h left join unnest(h.customDimensions) as cd order by 1, 2, 3;

select visitId, to_json_string(totals) as totals, to_json_string(trafficSource) as source, device.isMobile from ga360_sessions order by visitId;

select case when trafficSource.source = '(direct)' then 'direct' when regexp_contains(trafficSource.medium, r'^(cpc|organic)$') then 'search' else 'other' end as channel, count(*) as n from ga360_sessions group by channel order by channel;

select array_agg(distinct h.page.pagePath order by h.page.pagePath) as pages from ga360_sessions, unnest(hits) as h;

select a.productSKU as first_product, b.productSKU as second_product, count(*) as n from ga360_sessions, unnest(hits) as h, unnest(h.product) as a, unnest(h.product) as b where a.productSKU < b.productSKU group by 1, 2 order by 1, 2;

select visitId, hits[safe_offset(1)].page.pagePath as second_page, hits[offset(0)].product[safe_offset(0)].productSKU as first_product from ga360_sessions order by visitId;

select * from (select fullVisitorId, device.deviceCategory as device from ga360_sessions) pivot (count(*) for device in ('mobile', 'desktop', 'tablet')) order by fullVisitorId;
