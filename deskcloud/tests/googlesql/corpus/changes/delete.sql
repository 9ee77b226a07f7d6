-- Before each statement, the tables are reset to the rows in ../tables.
delete from orders where customer = 'ann';

delete orders where quantity > 1;

delete from orders as o where o.day < '2024-01-31';

delete from orders o where o.day between '2024-01-06' and date '2024-01-31';

delete from orders where orders.order_id = 3;

delete from orders where true;

delete from orders;

delete from orders where order_id in (select n from measures where m > 1);

delete from orders o where exists (select 1 from measures m where m.n = o.order_id);

delete from orders where order_id not in (select n from measures);

delete from orders where order_id not in (select n from measures where n is not null);

delete from orders o where o.quantity < (select avg(quantity) from orders);

delete from orders where (customer, day) in (select (customer, max(day)) from orders group by customer);

delete from orders where (customer, quantity) in (('ann', 2), ('bob', 1));

delete from orders where discount is null or is_nan(discount);

delete from orders where discount = discount;

delete from orders where discount < 1;

delete from ga4_events where 'coupon' in (select key from unnest(event_params));

delete from ga4_events where (select value.int_value from unnest(event_params) where key = 'ga_session_id') = 101;

delete from ga4_events e where exists (select 1 from unnest(e.items) as i where i.quantity > 1);

delete from ga4_events where array_length(items) = 0;

delete from ga4_events where geo.city is null;

delete from ga4_events where event_name in ('purchase', 'page_view') and user_id is null;

delete from measures where s.p = 1;

delete from measures where s = struct(1 as p, 'one' as q);

delete from measures where 4 in unnest(xs);

delete from measures where b = b'ab';

delete from measures where json_value(j, '$.k') is not null;

delete from orders where order_id in unnest([1, 2, 3]);

delete from orders where nothing = 1;

delete from orders where 1;

delete from orders o where o.order_id = (select max(p.order_id) from orders p where p.customer = o.customer);

delete from ga360_sessions where exists (select 1 from unnest(hits) as h, h.product as p where p.productSKU = 'p3');

delete from ga360_sessions where (select count(*) from unnest(hits)) > 1 and totals.transactions is null;

delete from orders where row_number() over (order by order_id) = 1;

delete from orders where order_id in (select order_id from (select order_id, row_number() over (partition by customer order by order_id) as n from orders) where n > 1);
