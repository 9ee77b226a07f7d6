-- Queries such as analysts write every day.
select regexp_extract('a1b2', r'\d', 10), regexp_extract('a1b2', r'\d', 3), regexp_extract('a1b2', r'[a-z](\d)', 1, 2), regexp_extract('abc', r'^b', 2), regexp_extract('', r'', 1), regexp_extract('abc', r'c$', 4), regexp_extract(customer, r'n', 2) from orders order by order_id limit 2;

select regexp_extract('abc', r'b', 0);

select safe.regexp_extract('a', r'(');

select safe.regexp_instr('a', r'(a)(b)'), safe.regexp_contains('a', r'('), safe.regexp_replace('a', r'(', 'x'), array_length(safe.regexp_extract_all('a', r'('));

select parse_timestamp('%Y-%m-%dT%H:%M:%E*S', '2024-01-02T03:04:05.678'), parse_timestamp('%Y-%m-%dT%H:%M:%E*S', '2024-01-02T03:04:05'), parse_datetime('%Y-%m-%d %H:%M:%E*S', '2024-01-02 03:04:05.5'), parse_timestamp('%Y-%m-%d %H:%M:%E6S', '2024-01-02 03:04:05.5', 'Europe/Berlin');

select parse_timestamp('%s', '1704164645'), safe.parse_timestamp('%Y-%m-%d', 'x'), safe.parse_timestamp('%Y-%m-%dT%H:%M:%E*S', 'x'), parse_time('%H:%M:%E*S', '03:04:05.25');

select safe.parse_timestamp('%Y-%m-%d', customer), safe.parse_timestamp('%s', customer) from orders;

select parse_numeric(' - 12.34 '), parse_numeric('1,234.5'), parse_numeric('12.34-'), parse_numeric('1e3'), parse_numeric('.5'), safe.parse_numeric('x'), parse_bignumeric('1.25'), parse_numeric('0.1234567895');

select struct<int64, string>(1, 'a'), struct<int64, b string>(1, 'a').b, struct<a int64, b string>(1, 'x');

select x from measures union all select 0.5 order by x desc limit 3;

select * from (select n as a from measures union all select 100 order by -a limit 2) order by a;

(select order_id as id, quantity from orders) union all (select n, n from measures) order by quantity * 2 desc, id limit 4 offset 1;

with c as (select 1 as a union all select 2 order by abs(a)) select * from c order by a;

select * from (select customer, is_paid, quantity from orders) pivot (sum(quantity) as t for is_paid in (true, false)) order by customer;

select p.customer, p.total_v from (select customer, coupon, quantity from orders) pivot (sum(quantity) as total for coupon in ('SPRING', 'VIP' as v)) as p order by customer;

select * from (select customer, quantity from orders) pivot (count(*) as n for quantity in (1, 2, -1 as minus)) order by customer;

select * from (select customer, quantity, price from orders) pivot (sum(price) for quantity in (1, 2)) order by customer;

select as value struct(1 as a, 2 as b);

select as value 1;

select as value array_agg(o order by o.order_id limit 1)[offset(0)] from orders as o group by customer;

select t from (select as struct 1 as x, 2 as y) as t;

with t as (select as struct order_id, customer from orders) select t.customer, order_id, t from t order by order_id limit 2;

select x, u.y from (select as struct 1 as x) as t join (select as struct 1 as x, 'b' as y) as u using (x);

select as struct order_id, customer from orders order by order_id desc limit 2;

select as struct * from orders where order_id = 1;

select array(select as struct order_id, customer from orders order by 1 limit 2) as xs;

select user_pseudo_id, (select value.int_value from unnest(event_params) where key = 'ga_session_id') as session_id, count(*) as events from ga4_events group by 1, 2 order by 1, 2;

select concat(user_pseudo_id, '-', cast((select value.int_value from unnest(event_params) where key = 'ga_session_id') as string)) as session, min(timestamp_micros(event_timestamp)) as started_at, timestamp_diff(max(timestamp_micros(event_timestamp)), min(timestamp_micros(event_timestamp)), second) as seconds from ga4_events group by session order by session;

select event_name, (select coalesce(value.string_value, cast(value.int_value as string), cast(value.float_value as string), cast(value.double_value as string)) from unnest(event_params) where key = 'value') as value from ga4_events order by event_timestamp;

select item.item_name, sum(item.quantity) as quantity, sum(item.price * item.quantity) as revenue from ga4_events, unnest(items) as item where event_name = 'purchase' group by item_name order by item_name;

select user_pseudo_id, last_value(nullif(geo.city, '') ignore nulls) over (partition by user_pseudo_id order by event_timestamp rows between unbounded preceding and current row) as city from ga4_events order by event_timestamp;

select user_pseudo_id, event_timestamp, last_value(user_id ignore nulls) over w as known, first_value(user_id ignore nulls) over (w rows between current row and unbounded following) as later from ga4_events window w as (partition by user_pseudo_id order by event_timestamp) order by event_timestamp;

with steps as (select user_pseudo_id, countif(event_name = 'session_start') > 0 as s1, countif(event_name = 'add_to_cart') > 0 as s2, countif(event_name = 'purchase') > 0 as s3 from ga4_events group by 1) select countif(s1) as starts, countif(s1 and s2) as carts, countif(s1 and s2 and s3) as purchases, safe_divide(countif(s1 and s2 and s3), countif(s1)) as rate from steps;

with e as (select user_pseudo_id, event_name, event_timestamp, lead(event_name) over (partition by user_pseudo_id order by event_timestamp) as next_event from ga4_events) select event_name, next_event, count(*) as n from e group by event_name, next_event order by event_name, next_event;

select user_pseudo_id, event_timestamp, sum(if(gap is null or gap > 1800000000, 1, 0)) over (partition by user_pseudo_id order by event_timestamp) as session_number from (select *, event_timestamp - lag(event_timestamp) over (partition by user_pseudo_id order by event_timestamp) as gap from ga4_events) order by event_timestamp;

select format_timestamp('%Y-%m-%d %H:%M', timestamp_micros(event_timestamp), 'America/Los_Angeles') as local, extract(hour from timestamp_micros(event_timestamp) at time zone 'Asia/Tokyo') as hour, date(timestamp_micros(event_timestamp), 'Pacific/Auckland') as day from ga4_events order by event_timestamp;

select regexp_extract((select value.string_value from unnest(event_params) where key = 'page_location'), r'utm_source=([^&]+)') as source, count(*) as n from ga4_events group by source order by n desc, source;

select event_date, count(*) as events, sum(count(*)) over (order by event_date) as total, round(100 * count(*) / sum(count(*)) over (), 2) as share from ga4_events group by event_date order by event_date;

select user_pseudo_id, string_agg(event_name, ' > ' order by event_timestamp) as path from ga4_events group by user_pseudo_id order by user_pseudo_id;

select user_pseudo_id, array_agg(event_name order by event_timestamp limit 2) as first_events, array_agg(distinct event_name order by event_name) as kinds from ga4_events group by user_pseudo_id order by user_pseudo_id;

select p.key, count(*) as n, countif(p.value.string_value is not null) as texts, max(p.value.int_value) as largest from ga4_events e cross join unnest(e.event_params) as p group by p.key order by n desc, key;

select event_name from ga4_events where exists (select 1 from unnest(event_params) where key = 'value' and value.double_value > 70);

select event_name, array_length(items) as n, (select sum(quantity) from unnest(items)) as quantity, array(select item_id from unnest(items) order by item_id) as ids from ga4_events order by event_timestamp;

select event_name, array_to_string(array(select format('%s=%t', key, coalesce(value.string_value, cast(value.int_value as string))) from unnest(event_params) order by key), '&') as params from ga4_events order by event_timestamp;

select d as day, count(o.order_id) as n from unnest(generate_date_array('2024-01-05', '2024-01-08')) as d left join orders as o on o.day = d group by d order by d;

select d, ifnull(sum(quantity), 0) as q from unnest(generate_date_array(date '2024-01-01', date '2024-03-01', interval 1 month)) as d left join orders on date_trunc(day, month) = d group by d order by d;

select generate_date_array('2024-01-31', '2024-05-31', interval 1 month) as months, generate_date_array('2024-01-05', '2024-01-01', interval -2 day) as back, generate_date_array('2024-01-02', '2024-01-01') as none;

select t from unnest(generate_timestamp_array('2024-03-31 00:00:00+00', '2024-03-31 03:00:00+00', interval 90 minute)) as t order by t;

select datetime(t, 'Europe/Berlin') as local from unnest(generate_timestamp_array('2024-03-31 00:00:00+00', '2024-03-31 02:00:00+00', interval 1 hour)) as t order by t;

select timestamp('2024-03-31 02:30:00', 'Europe/Berlin') as gap, timestamp('2024-10-27 02:30:00', 'Europe/Berlin') as twice, timestamp(date '2024-07-01', 'America/New_York') as midnight;

select timestamp_trunc(timestamp '2024-07-01 03:00:00+00', day, 'America/New_York') as day, timestamp_trunc(timestamp '2024-07-01 03:00:00+00', week(monday), 'America/New_York') as week, timestamp_trunc(timestamp '2024-07-01 03:00:00+00', month) as month;

select datetime_diff(datetime '2024-01-01 00:00:00', datetime '2023-12-31 23:59:59', year) as years, date_diff(date '2024-03-01', date '2024-02-28', day) as days, date_diff('2024-01-07', '2024-01-06', week) as weeks, date_diff('2024-01-08', '2024-01-07', isoweek) as isoweeks, date_diff('2024-01-08', '2024-01-07', week(monday)) as mondays;

select extract(isoyear from date '2024-12-30') as y, extract(isoweek from date '2024-12-30') as w, extract(week from date '2024-12-30') as week, extract(dayofyear from date '2024-12-31') as d, extract(quarter from date '2024-04-01') as q, format_date('%G-W%V-%u', '2024-12-30') as iso;

select last_day('2024-02-10') as month, last_day('2024-02-10', year) as year, last_day('2024-02-10', week(monday)) as week, last_day(date '2024-02-10', quarter) as quarter;

select unix_seconds(timestamp '1969-12-31 23:59:59.5') as s, unix_millis(timestamp '1969-12-31 23:59:59.9999') as ms, unix_micros(timestamp '2024-01-01') as us, timestamp_millis(-1) as t, date_from_unix_date(-1) as d;

select cast('2024-01-02 03:04:05+05:30' as timestamp) as a, cast('2024-01-02T03:04:05Z' as timestamp) as b, cast('2024-01-02' as datetime) as c, safe_cast('2024-13-02' as date) as d, safe_cast('24:00:00' as time) as e;

select format_date('%A, %d %B %Y', '2024-02-29') as a, format_datetime('%I:%M %p', datetime '2024-01-01 15:04:00') as b, format_time('%R', time '03:04:05') as c, format_timestamp('%FT%H:%M:%E3S%Ez', timestamp '2024-01-02 03:04:05.678', 'Asia/Kolkata') as d;

select parse_date('%d/%m/%Y', '02/01/2024') as a, parse_date('%b %d, %Y', 'Feb 29, 2024') as b, parse_timestamp('%Y-%m-%d %H:%M:%S %Z', '2024-01-02 03:04:05 UTC') as c, parse_datetime('%Y%m%d%H%M', '202401020304') as d, safe.parse_date('%Y%m%d', '20241302') as e;

select date_add(date '2024-01-31', interval 1 month) as a, date_sub(date '2024-03-31', interval 1 month) as b, datetime_add(datetime '2024-02-29 00:00:00', interval 1 year) as c, timestamp_sub(timestamp '2024-03-01', interval 1 day) as d, date '2024-01-01' + 30 as e, date '2024-01-01' - 1 as f;

select sum(price) as total, avg(price) as mean, round(avg(price), 2) as rounded, max(price) - min(price) as spread, sum(price * quantity) as revenue, sum(price) / count(*) as per_row from orders;

select numeric '1' / 3 as a, numeric '10' / 4 as b, cast(1.005 as numeric) as c, round(numeric '2.5') as d, round(numeric '-2.345', 2) as e, trunc(numeric '-2.345', 2) as f, mod(numeric '5.5', 2) as g, div(7, -2) as h, ceil(numeric '1.1') as i;

select numeric '1.10' = 1.1 as a, numeric '0.1' + numeric '0.2' = numeric '0.3' as b, 0.1 + 0.2 = 0.3 as c, cast(numeric '1.50' as string) as d, cast(1.0 as string) as e, cast(1e15 as string) as f, cast(123456789.123 as string) as g, cast(-0.0 as string) as h;

select safe_divide(1, 0) as a, safe_divide(null, 1) as b, safe_multiply(9223372036854775807, 2) as c, safe_add(9223372036854775807, 1) as d, safe_negate(-9223372036854775807 - 1) as e, safe_subtract(-9223372036854775807, 2) as f, safe_cast('x' as int64) as g, safe_cast('1e2' as float64) as h;

select safe.log(-1, 2) as a, safe.pow(0, -1) as b, safe.parse_json('{') as c, safe.timestamp_seconds(9223372036854775807) as d, safe.date(2024, 2, 30) as e, [1, 2][safe_offset(5)] as f, [1, 2][safe_ordinal(0)] as g;

select is_nan(x) as nan, is_inf(x) as inf, x > 0 as positive, x = x as same, coalesce(nullif(x, x), -1) as n, greatest(x, 0) as g, least(x, 0) as l, sign(x) as s, abs(x) as a from measures order by n, grp, x;

select grp, min(x) as lo, max(x) as hi, sum(x) as total, avg(x) as mean, count(x) as n, countif(is_nan(x)) as nans from measures group by grp order by grp;

select x, rank() over (order by x) as r, rank() over (order by x desc) as d, ntile(3) over (order by n) as t, percent_rank() over (order by n) as p, cume_dist() over (order by n) as c from measures order by n, x;

select x, row_number() over (order by x nulls last, n) as r from measures order by r;

select array_agg(x ignore nulls order by x) as xs, array_agg(distinct grp ignore nulls order by grp desc) as gs from measures;

select percentile_cont(quantity, 0.5) over () as a, percentile_disc(quantity, 0.5) over () as b, percentile_cont(quantity, 0.9 ignore nulls) over (partition by customer) as c from orders order by order_id;

select array_concat([1], [2, 3], cast([] as array<int64>)) as a, array_reverse([1, 2, 3]) as b, array_length([1, null]) as c, array_to_string(['a', null, 'c'], ',', '-') as d, array_first([3, 1]) as e, array_last([3, 1]) as f, array_slice([1, 2, 3, 4], 1, 2) as g;

select generate_array(1, 10, 3) as a, generate_array(5, 1, -2) as b, generate_array(0, 1, 0.25) as c, array(select x * x from unnest(generate_array(1, 3)) as x order by x desc) as d, array(select distinct x from unnest([3, 1, 3]) as x order by x) as e;

select 2 in unnest([1, 2]) as a, null in unnest([1]) as b, 3 in unnest([1, null]) as c, 3 not in unnest([1, 2]) as d, (select max(x) from unnest([1, 5, 3]) as x) as e, (select array_agg(x order by o desc) from unnest(['a', 'b']) as x with offset as o) as f;

select grp, xs[offset(0)] as first, xs[safe_offset(1)] as second, xs[ordinal(1)] as also from measures where array_length(xs) > 0 order by n;

select grp, x from measures, unnest(xs) as x with offset as i where i = 0 order by grp, x;

select m.grp, x, i from measures as m left join unnest(m.xs) as x with offset as i order by m.n, i;

select a, b from unnest([1, 2, 3]) as a with offset as i join unnest(['x', 'y']) as b with offset as j on i = j order by a;

select * from (select customer, extract(month from day) as m, quantity from orders) pivot (sum(quantity) for m in (1, 2)) order by customer;

select * from (select customer, extract(month from day) as m, quantity from orders) pivot (sum(quantity) as q, count(*) as n for m in (1 as jan, 2 as feb)) order by customer;

select * from (select 'a' as id, 1 as x, 2 as y union all select 'b', null, 4) unpivot (v for k in (x, y)) order by id, k;

select * from (select 'a' as id, 1 as x, 2 as y union all select 'b', null, 4) unpivot include nulls (v for k in (x as 'ex', y as 'why')) order by id, k;

select * from (select 1 as a, 2 as b, 3 as c, 4 as d) unpivot ((v, w) for k in ((a, b) as 'ab', (c, d) as 'cd')) order by k;

with recursive n as (select 1 as x union all select x + 1 from n where x < 5) select x, sum(x) over (order by x) as total from n order by x;

with recursive days as (select date '2024-01-30' as d union all select date_add(d, interval 1 day) from days where d < '2024-02-02') select d, format_date('%a', d) as name from days order by d;

with recursive t as (select 'a' as id, cast(null as string) as parent union all select 'b', 'a' union all select 'c', 'b'), r as (select id, id as path from t where parent is null union all select t.id, concat(r.path, '/', t.id) from t join r on t.parent = r.id) select id, path from r order by id;

with recursive f as (select 0 as a, 1 as b union all select b, a + b from f where b < 50) select array_agg(a order by a) as xs from f;

select customer, order_id, sum(quantity) over w as running, avg(quantity) over (w rows between 1 preceding and 1 following) as around, count(*) over (partition by customer) as n from orders window w as (partition by customer order by order_id) order by order_id;

select order_id, lag(price, 1, 0) over w as before, lead(price, 2) over w as after, first_value(price) over w as first, nth_value(price, 2) over (w rows between unbounded preceding and unbounded following) as second from orders window w as (order by order_id) order by order_id;

select order_id, sum(quantity) over (order by unix_date(day) range between 3 preceding and current row) as recent from orders where day is not null order by order_id;

select order_id, max(quantity) over (order by order_id rows between unbounded preceding and 1 preceding) as record from orders order by order_id;

select customer, quantity from orders where quantity is not null qualify dense_rank() over (order by quantity desc) <= 2 order by quantity desc, order_id;

select customer, count(*) as n, any_value(order_id having max price) as dearest, max_by(order_id, price) as also, min_by(coupon, order_id) as first_coupon from orders group by customer order by customer;

select format('%05d|%-5s|%5s|%.2f|%+d|%x|%o|%e|%t|%T', 42, 'ab', 'cd', 3.14159, 7, 255, 8, 12345.678, date '2024-01-02', 'q') as f;

select format('%\'d %s %t %T %T', 1234567, 'x', [1, 2], struct(1 as a, 'b' as b), null) as f, format('%%') as p, format('%10.3f|%-8d|', 2.5, 3) as q;

select upper('straße') as a, initcap('hello wORLD-foo bar_baz') as b, reverse('añb') as c, lpad('7', 3, '0') as d, rpad('ab', 5, 'xy') as e, repeat('ab', 2) as f, ltrim('xxabx', 'x') as g, trim(' a ') as h, length('añ') as i, byte_length('añ') as j;

select regexp_replace('2024-01-02', r'(\d+)-(\d+)-(\d+)', r'\3.\2.\1') as a, regexp_extract_all('a1b22', r'\d+') as b, regexp_contains('abc', r'^a.c$') as c, regexp_substr('a1b2', r'\d', 1, 2) as d, regexp_instr('ab12', r'\d') as e, replace('aaa', 'a', 'b') as f, translate('abc', 'ab', 'xy') as g;

select to_hex(md5('a')) as a, to_base64(sha256('a')) as b, farm_fingerprint('a') as c, mod(abs(farm_fingerprint('visitor-1')), 100) as d, to_code_points('añ') as e, code_points_to_string([97, 241]) as f, ascii('a') as g, chr(241) as h, soundex('robert') as i, normalize('e\u0301', nfc) = 'é' as j;

select if(null, 1, 2) as a, iif as b from (select 3 as iif);

select case coupon when 'SPRING' then 1 when null then 2 else 3 end as a, coupon is distinct from 'VIP' as b, coupon not in ('VIP', 'x') as c, ifnull(coupon, '?') as d, nullif(coupon, '') as e, coupon between 'A' and 'T' as f, coupon like 'S%' as g, not is_paid as h from orders order by order_id;

select coalesce(null, null, 3) as a, null is null as b, true and null as c, false and null as d, null or true as e, cast(null as bool) is not true as f, 1 = null as g;

select (select as struct customer, sum(quantity) as q from orders where customer = 'ann' group by customer).q as q, struct(1 as a, struct('x' as b) as c).c.b as x, [struct(1 as a, 'x' as b), (2, 'y')][offset(1)].b as y;

select o.order_id, c.name from orders as o left join unnest([struct('ann' as id, 'Anna' as name)]) as c on c.id = o.customer order by o.order_id;

select o.customer, exists(select 1 from measures as m where m.n = o.order_id and m.x is not null) as has, (select count(*) from measures as m where m.n < o.order_id) as below from orders as o order by order_id;

select * except (price, discount) replace (upper(customer) as customer) from orders where order_id < 3 order by order_id;

select customer, array_agg(struct(order_id, price) order by order_id desc limit 1)[offset(0)].* from orders group by customer order by customer;

select customer, array_agg(o order by order_id desc limit 1)[offset(0)].order_id as last_order from orders as o group by customer order by customer;

select grouping(customer) as g, customer, sum(quantity) as q from orders group by rollup(customer) order by g, customer;

select customer, coupon, count(*) as n from orders group by grouping sets (customer, coupon, ()) order by n, customer, coupon;

select logical_and(is_paid) as a, logical_or(is_paid) as b, bit_and(quantity) as c, bit_or(quantity) as d, bit_xor(order_id) as e, countif(is_paid) as f, corr(order_id, quantity) as g, stddev(quantity) as h, var_pop(quantity) as i, covar_samp(order_id, quantity) as j from orders;

select customer, sum(quantity) as q from orders group by customer having q > 2 and customer is not null order by q desc;

select distinct coupon, is_paid from orders order by coupon, is_paid desc;

select order_id from orders intersect distinct select n from measures order by order_id;

select order_id, 'o' as src from orders where order_id > 5 union all select n, 'm' from measures where n > 6 order by order_id + 0, src;

select h.page.pagePath, count(*) as hits, countif(h.eCommerceAction.action_type = '6') as purchases, avg(h.time) / 1000 as seconds from ga360_sessions, unnest(hits) as h group by pagePath order by hits desc, pagePath;

select fullVisitorId, visitNumber, (select max(if(index = 4, value, null)) from unnest(h.customDimensions)) as sale, p.productSKU, p.productPrice / 1e6 as price from ga360_sessions, unnest(hits) as h, unnest(h.product) as p order by visitId, h.hitNumber, productSKU;

select trafficSource.medium, sum(totals.transactions) as transactions, sum(totals.totalTransactionRevenue) / 1e6 as revenue, count(distinct fullVisitorId) as visitors, safe_divide(sum(totals.transactions), count(*)) as rate from ga360_sessions group by medium order by medium;

select date_trunc(parse_date('%Y%m%d', date), week(monday)) as week, device.deviceCategory as device, count(*) as sessions, sum(ifnull(totals.transactions, 0)) as transactions from ga360_sessions group by week, device order by week, device;

select fullVisitorId, visitId, lag(timestamp_seconds(visitStartTime)) over (partition by fullVisitorId order by visitStartTime) as previous, date_diff(parse_date('%Y%m%d', date), lag(parse_date('%Y%m%d', date)) over (partition by fullVisitorId order by visitStartTime), day) as days from ga360_sessions order by visitId;

select fullVisitorId, (select as struct page.pagePath, type from unnest(hits) order by hitNumber limit 1) as landing, array(select as struct p.productSKU, p.productQuantity as q from unnest(hits) as h, h.product as p where p.productQuantity > 0 order by 1) as bought from ga360_sessions order by visitId;

select key, value from ga4_events, unnest(event_params) where event_name = 'purchase' order by key;

select pair[offset(0)] as k, pair[safe_offset(1)] as v from (select split(p, '=') as pair from unnest(split('a=1&b=2&c', '&')) as p) order by k;

select to_json_string(struct(customer, array_agg(order_id order by order_id) as ids)) as j from orders group by customer order by j;

select json_value(to_json(o), '$.customer') as c, cast(json_value(to_json(o), '$.price') as numeric) as p from orders as o order by order_id;

select timestamp('2024-03-31 02:30:00', 'Europe/Berlin') as gap, timestamp('2024-10-27 02:30:00', 'Europe/Berlin') as twice, timestamp(date '2024-07-01', 'America/New_York') as midnight, timestamp(datetime '2024-10-27 02:30:00', 'Europe/Berlin') as d, timestamp('2024-11-03 01:30:00', 'America/New_York') as ny, timestamp('2024-10-27 03:00:00', 'Europe/Berlin') as after, timestamp('2024-10-27 01:59:59', 'Europe/Berlin') as before;

select parse_timestamp('%Y-%m-%d %H:%M', '2024-10-27 02:30', 'Europe/Berlin') as a, safe.parse_timestamp('%Y-%m-%d', 'x', 'Europe/Berlin') as b, timestamp('2024-07-01 00:00:00', '+05:30') as c, timestamp('2024-07-01', 'UTC') as d;

select last_day('2024-02-10') as month, last_day('2024-02-10', year) as year, last_day('2024-02-10', week(monday)) as week, last_day(date '2024-02-10', quarter) as quarter, last_day(day) as l from orders order by order_id;

select safe_cast('2024-13-02' as date) as d, safe_cast('24:00:00' as time) as e, cast('03:04:05.5' as time) as f;

select is_nan(x) as nan, nullif(x, x) as n, nullif(x, 1.5) as o, nullif(n, n) as p from measures order by n, grp, x;

select event.* from (select array_agg(o order by order_id desc limit 1)[offset(0)] as event from orders as o group by customer) order by order_id;

select * from (select array_agg(o order by order_id desc limit 1)[offset(0)] as event from orders as o group by customer) order by event.order_id;

select split('a,b,,c') as a, split('abc', '') as b, split('a--b', '--')[safe_offset(1)] as c, strpos('banana', 'na') as d, instr('banana', 'na', -1) as e, instr('banana', 'na', 1, 2) as f, starts_with('abc', 'ab') as g, ends_with('abc', 'bc') as h;

select -x as x, n from measures order by x, n;

select -x as x, n from measures order by x desc, n limit 3;

select distinct -x as x from measures order by x;

select grp, max(x) as x from measures group by grp order by x, grp;

select customer, max_by(order_id, price) as also, min_by(coupon, order_id) as first_coupon, min_by(customer, price) as c from orders group by customer order by customer;

select safe.sqrt(-1) as a, safe.ln(0) as b, safe.substr('abc', 1, -1) as c;

select array_max([1, 3, 2]) as a, array_min(['b', 'a']) as b, array_is_distinct([1, 2, 1]) as e;
