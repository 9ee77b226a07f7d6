-- Before each statement, the tables are reset to the rows in ../tables.
update orders set quantity = 0 where quantity is null;

update orders set quantity = quantity + 1, discount = null where true;

update orders set customer = upper(customer), coupon = coalesce(coupon, '-') where day >= '2024-01-07';

update orders set customer = coupon, coupon = customer where true;

update orders as o set o.price = o.price * 2 where o.order_id in (select n from measures);

update orders set orders.price = orders.price * 2 where orders.order_id = 1;

update orders set price = m.m from measures as m where order_id = m.n;

update orders o set price = m.m, customer = m.grp from (select n, m, grp from measures) m where o.order_id = m.n;

update orders o set quantity = s.total from (select customer, sum(quantity) as total from orders group by customer) s where o.customer = s.customer;

update orders o set quantity = s.n from measures s where o.order_id < s.n;

update orders o set quantity = s.n from measures s where o.order_id = 1 and s.n in (1, 2);

update measures set s.p = 10 where n = 1;

update measures set s.q = 'x' where true;

update measures set s.p = s.p + 1, s.q = upper(s.q) where s is not null;

update measures as m set m.s.p = m.n where m.s.q = 'one';

update ga4_events set device.web_info.browser = 'x' where device.category = 'mobile';

update ga4_events set geo.city = 'Bonn', geo.country = upper(geo.country) where geo.country = 'Germany';

update ga4_events set ecommerce.transaction_id = 't9' where ecommerce.purchase_revenue > 10;

update ga4_events set geo = struct('X' as country, geo.city as city) where geo.country = 'Germany';

update ga4_events set geo = ('X', 'Y') where true;

update ga4_events set geo = null where event_name = 'purchase';

update measures set xs = array_concat(xs, [100]) where n > 5;

update measures set xs = array(select x * 2 from unnest(xs) as x order by x desc) where true;

update measures set xs = [] where array_length(xs) = 1;

update ga4_events set event_params = array(select as struct key, value from unnest(event_params) where key != 'ga_session_id') where true;

update ga4_events set event_params = array(select p from unnest(event_params) as p where p.key = 'value') where event_name = 'purchase';

update ga4_events set items = array(select as struct * replace (price * 2 as price) from unnest(items)) where true;

update ga4_events set items = array(select as struct item_id, upper(item_name) as item_name, price, quantity from unnest(items) where quantity > 1) where array_length(items) > 0;

update ga4_events set event_params = array_concat(event_params, [struct('new' as key, struct('v' as string_value, cast(null as int64) as int_value, cast(null as float64) as float_value, cast(null as float64) as double_value) as value)]) where event_name = 'page_view';

update ga4_events set event_params = array(select as struct key, if(key = 'page_location', (regexp_extract(value.string_value, r'^[^?]*'), null, null, null), value) as value from unnest(event_params)) where true;

update ga4_events set user_id = (select value.string_value from unnest(event_params) where key = 'currency') where event_name = 'add_to_cart';

update orders set quantity = default where order_id = 1;

update orders set quantity = (select max(n) from measures) where order_id = 1;

update orders set customer = (select max(grp) from measures where n = order_id) where true;

update orders set quantity = 1;

update orders set nothing = 1 where true;

update orders set quantity = 'a' where true;

update orders set quantity = 1, quantity = 2 where true;

update orders set order_id = order_id + 1000 where exists (select 1 from measures where n = order_id and m is null);

update orders set customer = case when quantity > 1 then 'many' else 'few' end where customer is not null;

update orders o set customer = l.name from unnest([struct('ann' as id, 'Anna' as name), ('bob', 'Robert')]) as l where o.customer = l.id;

update orders o set customer = concat(o.customer, l) from unnest(['ann', 'bob']) as l where o.customer = l;

update orders set day = date_trunc(day, month), ordered_at = timestamp_add(ordered_at, interval 1 hour) where day is not null;

update orders o set discount = m.x from orders p join measures m on p.order_id = m.n where o.order_id = p.order_id;

update measures set j = to_json(n) where n < 3;

update measures set x = ieee_divide(x, 0) where true;

update orders set price = 1 / 3 where order_id = 1;

update orders set price = cast(1 / 3 as numeric) where order_id = 1;

update orders set price = 1.005, discount = 1, ordered_at = '2024-05-06 07:08:09', day = '2024-05-06' where order_id = 1;

update orders set is_paid = discount > 0 where true;

update orders set is_paid = quantity = 1 where true;

update ga360_sessions set totals.hits = totals.hits + 1, trafficSource.campaign = null where visitId < 3;

update ga360_sessions set hits = array(select h from unnest(hits) as h where h.type = 'PAGE') where true;
