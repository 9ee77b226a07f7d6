select o.order_id, m.n from orders as o join measures as m on o.order_id = m.n order by 1;

select o.order_id, m.n from orders as o left join measures as m on o.order_id = m.n order by 1;

select o.order_id, m.n from orders as o right join measures as m on o.order_id = m.n order by m.n, 1;

select o.order_id, m.n from orders as o full join measures as m on o.order_id = m.n order by 1, 2;

select order_id, other.x from orders left join (select 2 as order_id, 'two' as x) as other using (order_id) order by order_id;

select * from (select 1 as a, 2 as b) join (select 1 as a, 3 as c) using (a);

select * from (select 1 as a, 2 as b) full join (select 4 as a, 3 as c) using (a) order by a;

select a.*, b.* except (x) from (select 1 as x) as a join (select 1 as x, 2 as y) as b on a.x = b.x;

select o.order_id from orders as o where exists (select 1 from measures as m where m.n = o.order_id and m.grp = 'a') order by 1;

select o.order_id from orders as o where o.order_id not in (select n from measures where n is not null) order by 1;

select o.order_id from orders as o where o.order_id not in (select n from measures) order by 1;

select order_id, (select max(n) from measures where n <= order_id) as below from orders order by order_id;

select a.order_id, b.order_id as other from orders as a cross join orders as b where a.customer = b.customer and a.order_id < b.order_id order by 1, 2;

select a.order_id, b.order_id as other from orders as a, orders as b where a.order_id = b.order_id - 1 order by 1;

select m.x, n.x as y from measures as m join measures as n on m.x = n.x order by 1, 2;

select a.grp, b.grp as other from (select distinct grp from measures) as a left join (select distinct grp from measures) as b on a.grp is not distinct from b.grp order by 1;

with recent as (select * from orders where day > date '2024-01-06'), totals as (select customer, sum(quantity) as n from recent group by customer) select * from totals order by customer;

with recursive numbers as (select 1 as n union all select n + 1 from numbers where n < 4) select n, n * n as square from numbers order by n;

select t.* from (select as struct 1 as x, 2 as y) as t;

select as struct order_id, customer from orders where order_id = 1;

select as value struct(order_id as id) from orders where order_id = 1;

select * from orders where order_id = (select max(order_id) from orders where is_paid);

select * except (price, quantity), price * quantity as total from orders where order_id < 3 order by order_id;

select * replace (upper(customer) as customer, quantity + 1 as quantity) from orders where order_id < 3 order by order_id;

select o.* from orders as o where o.coupon in ('SPRING', 'VIP') order by o.order_id;

select orders.order_id from orders where orders.customer like 'b%' order by 1;

select price, price * 1.1 as more, price / 3 as third, price + quantity as mixed from orders order by order_id;

select cast(price as string) as a, cast(discount as string) as b, cast(ordered_at as string) as c, cast(day as string) as d, cast(quantity as string) as e, cast(is_paid as string) as f from orders order by order_id;

select to_json_string(o) as j from orders as o order by order_id;

select to_json_string(struct(order_id, price, discount, ordered_at)) as j from orders order by order_id;

select format('%t|%t|%t|%t', order_id, price, discount, ordered_at) as f from orders order by order_id;

select format('%T', o.customer) as f, format('%d-%s', o.order_id, o.customer) as g, format('%.1f', discount) as h from orders as o order by order_id;

select safe_divide(quantity, discount) as q, round(discount, 1) as r, ieee_divide(discount, 0) as i from orders order by order_id;

select date_add(day, interval quantity day) as later, date_diff(day, date '2024-01-01', day) as age, format_date('%a', day) as weekday from orders order by order_id;

select extract(hour from ordered_at at time zone 'America/New_York') as h, date(ordered_at, 'Asia/Tokyo') as d, format_timestamp('%F %T', ordered_at, 'Europe/Berlin') as t from orders order by order_id;

select greatest(quantity, 2) as g, least(price, 10) as l, coalesce(coupon, customer, '-') as c, nullif(coupon, '') as n from orders order by order_id;

select customer || ':' || coupon as both_parts, concat(customer, '-', cast(order_id as string)) as k, length(coupon) as n from orders order by order_id;

select is_nan(x) as a, is_inf(x) as b, x > 1 as c, x = x as d, x between 0 and 2 as e, if(x > 0, 'p', 'n') as f, -x as g, abs(x) as h from measures order by n;

select n, x + 1 as a, x * 0 as b, n / 2 as c, div(n, 2) as d, mod(n, 3) as e, cast(x as string) as f, round(x) as g from measures order by n;

select n, m + 1 as a, m * m as b, m / 3 as c, cast(m as string) as d, cast(m as float64) as e, cast(m as int64) as f, round(m, 1) as g, to_json_string(m) as h from measures order by n;

select n, j.k as k, json_value(j, '$.k') as v, json_value(j, '$.t') as t, to_json_string(j) as s, json_type(j) as y from measures order by n;

select n, array_length(xs) as l, xs[safe_offset(0)] as f, array_to_string(array(select cast(x as string) from unnest(xs) as x with offset as o order by o), ',') as t, 4 in unnest(xs) as i, to_json_string(xs) as s from measures order by n;

select n, s.p, s.q, s is null as missing, to_json_string(s) as t, format('%t', s) as f from measures order by n;

select n, to_hex(b) as h, length(b) as l, to_base64(b) as t, format('%t', b) as f, cast(b as string) as c from measures where n in (1, 2, 6, 7, 8) order by n;

with r as (select 1 as pk, 2 as id), s as (select 2 as id, 5 as v), t as (select 5 as v, 1 as pk, 9 as w) select * from r left join s using (id) join t using (pk, v);

with r as (select 1 as pk, 2 as id), s as (select 3 as id, 5 as v) select * from r full join s using (id);

with r as (select 1 as pk, 2 as id), s as (select 2 as id, [5] as v) select * from r join s using (id), unnest(v) as x;

select * from (select 1, 'a', 2 as x);

with t as (select 1, 2) select * from t;
