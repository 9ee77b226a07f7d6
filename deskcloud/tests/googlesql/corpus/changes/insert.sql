-- Before each statement, the tables are reset to the rows in ../tables.
insert into orders (order_id, customer) values (100, 'dan');

insert orders (order_id) values (100), (101), (102);

insert into orders values (100, 'dan', '2024-03-01', '2024-03-01 10:00:00+00', 5.5, 1, 0.5, null, true);

insert into orders (order_id, customer, quantity) values (100, default, 1 + 2);

insert into orders (order_id, day) select order_id + 100, date_add(day, interval 1 year) from orders where day is not null;

insert into orders (order_id, customer) with c as (select max(order_id) as n from orders) select n + 1, 'new' from c;

insert into measures (grp, xs) values ('z', [1, 2, 3]);

insert into measures (grp, s) values ('z', struct(1 as p, 'x' as q)), ('y', (2, 'y'));

insert into measures (grp, s) values ('z', struct(1 as other, 'x' as names));

insert into measures (grp, s) select grp, struct(n, grp) from measures;

insert into measures (grp, xs, s) select 'z', array_agg(n order by n), any_value(s having max n) from measures where n is not null;

insert into ga4_events (event_name, event_params) values ('x', [struct('k' as key, struct('v' as string_value, 1 as int_value, 1.5 as float_value, cast(null as float64) as double_value) as value)]);

insert into ga4_events (event_name, event_params) values ('x', [('k', ('v', 1, 1.5, null))]);

insert into ga4_events (event_name, items) select 'copied', array(select as struct item_id, item_name, price * 2 as price, quantity from unnest(items)) from ga4_events where array_length(items) > 0;

insert into ga4_events select * from ga4_events where event_name = 'purchase';

insert into ga4_events select * replace ('copy' as event_name) from ga4_events where user_id is not null;

insert into ga4_events (user_pseudo_id, event_name) select distinct user_pseudo_id, 'seen' from ga4_events;

insert into ga4_events (event_name, geo, device) values ('x', ('France', null), ('mobile', struct('Safari')));

insert into orders (order_id, price) values (100, 1.005), (101, numeric '2.5');

insert into orders (order_id, quantity) values (100, '5');

insert into orders (order_id, discount) values (100, 1);

insert into orders (order_id, price) values (100, 15e-1);

insert into orders (order_id) values (1.5);

insert into orders (order_id, order_id) values (1, 2);

insert into orders (order_id, customer) values (1);

insert into orders (nothing) values (1);

insert into orders (order_id) select 'a';

insert into orders (order_id, customer) select order_id, coupon from orders union all select 999, null;

insert into measures (grp, x) values ('z', cast('nan' as float64)), ('z', cast('-inf' as float64));

insert into measures (grp, b) values ('z', b'\xff'), ('y', from_base64('AQI='));

insert into measures (grp, j) values ('z', json '{"a": 1.50}'), ('y', to_json(struct(1 as a)));

insert into orders (order_id, ordered_at, day) values (100, timestamp '2024-03-01 00:30:00 Europe/Berlin', date(timestamp '2024-02-29 23:30:00', 'Europe/Berlin'));

insert into orders (order_id, customer) values (100, (select max(customer) from orders));

insert into orders (order_id, customer) select o.order_id, c from orders as o, unnest(['x', 'y']) as c where o.order_id < 3;

insert into measures (grp, xs) values ('y', []), ('z', null);

insert into orders (order_id, is_paid) values (100, 1 > 0), (101, null);

insert into orders (order_id, customer) select order_id, customer from (select *, row_number() over (partition by customer order by order_id) as n from orders) where n = 1;

insert into orders (order_id, customer, quantity) select order_id, customer, quantity from orders where true qualify row_number() over (partition by customer order by order_id desc) = 1;

insert into orders (order_id, customer) select upper(coupon) as coupon, 'x' from orders group by coupon;

insert into orders (order_id, day) select max(order_id) + 1, current_date() from orders where false;

insert into orders (order_id) select n from measures where n > 4 order by n desc limit 2;

insert into ga360_sessions (fullVisitorId, hits) values ('v9', [struct(1 as hitNumber, 0 as time, 'PAGE' as type, struct('/x' as pagePath) as page, struct('0' as action_type) as eCommerceAction, array<struct<productSKU string, v2ProductName string, productPrice int64, productQuantity int64>>[] as product, [struct(1 as index, 'a' as value)] as customDimensions)]);

insert into ga360_sessions (fullVisitorId, totals, customDimensions) select fullVisitorId, totals, [struct(9 as index, 'x' as value)] from ga360_sessions where visitNumber = 1;
