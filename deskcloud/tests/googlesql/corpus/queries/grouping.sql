select x, count(*) as n from measures group by x order by n, x;

select discount, count(*) as n from orders group by discount order by discount;

select extract(month from day) as month, sum(quantity) as total from orders group by month order by month;

select extract(month from day) as month, customer, count(*) as n from orders group by 1, 2 order by 1, 2;

select grp, n > 2 as big, count(*) as n from measures group by all order by 1, 2, 3;

select customer, coupon, sum(quantity) as total from orders group by rollup(customer, coupon) order by customer, coupon, total;

select customer, coupon, count(*) as n from orders group by grouping sets (customer, coupon, ()) order by 1, 2, 3;

select customer, is_paid, count(*) as n from orders group by cube(customer, is_paid) order by 1, 2, 3;

select customer, grouping(customer) as is_total, count(*) as n from orders group by rollup(customer) order by 2, 1;

select upper(coupon) as coupon, count(*) as n from orders group by coupon order by coupon, n;

select upper(coupon) as code, count(*) as n from orders group by code order by code;

select distinct customer, is_paid from orders order by customer, is_paid;

select distinct x from measures order by x;

select s.p, count(*) as n from measures group by s.p order by s.p;

select date_trunc(day, month) as month, array_agg(order_id order by order_id) as ids from orders group by month order by month;

select case when price > 20 then 'high' when price > 0 then 'low' else 'none' end as class, count(*) as n from orders group by class order by class;

select coalesce(customer, '(none)') as customer, count(*) as n from orders group by customer order by customer;

select format_date('%Y-%m', day) as month, count(*) as n from orders group by 1 order by 1;

select if(customer = 'ann', 1, 0) as is_ann, max(price) as price from orders group by is_ann order by is_ann;

select 1 as one, count(*) as n from orders group by one;

select count(*) as n from (select customer from orders group by customer);

select b, count(*) as n from measures group by b order by b;

select m, count(*) as n from measures group by m order by m;

select customer as c, sum(quantity) as total from orders group by customer order by sum(quantity), c;

select 'a' as x from (select 1 as id union all select 2 as id) group by all;

select id, count(*) from (select 1 as id union all select 2 as id) group by all;

with t as (select cast(null as range<date>) as r union all select range<date> '[2024-01-01, unbounded)') select r, count(*) from t group by r;

-- Names that both the select list and the table have.
select quantity + 100 as quantity, count(*) as n from orders group by quantity having quantity > 100 order by quantity;

select quantity + 100 as quantity, count(*) as n from orders group by quantity having quantity < 100 order by quantity;

select sum(quantity) as quantity from orders group by customer having sum(quantity) > 1 order by quantity;

select sum(quantity) as quantity from orders group by customer having quantity > 1 order by quantity;

select quantity + 100 as quantity, order_id from orders where quantity > 100 order by order_id;

select quantity + 100 as quantity, order_id from orders where quantity < 100 qualify quantity > 100 order by order_id;

select quantity + 100 as quantity, order_id from orders where true qualify row_number() over (order by quantity desc) = 1 order by order_id;

select -quantity as quantity, order_id from orders where true qualify row_number() over (order by quantity desc, order_id) = 1 order by order_id;

select -quantity as quantity, order_id from orders where true qualify quantity < 0 order by order_id;

select -quantity as quantity, order_id from orders order by quantity, order_id;

select -quantity as quantity, order_id from orders order by -quantity, order_id;

select -quantity as quantity, order_id from orders order by orders.quantity, order_id;

select upper(coupon) as coupon, count(*) as n from orders group by rollup(coupon) order by coupon, n;

select upper(coupon) as coupon, count(*) as n from orders group by grouping sets(coupon, ()) order by coupon, n;

select upper(coupon) as coupon, count(*) as n from orders group by coupon, customer order by coupon, n;

select date_trunc(day, month) as day, count(*) as n from orders group by day order by day;

select coupon as customer, customer as coupon, count(*) n from orders group by customer, coupon order by 1,2;

select 1 as coupon, count(*) n from orders group by coupon;

select upper(coupon) as coupon, lower(coupon) as coupon, count(*) n from orders group by coupon;

select upper(coupon) as coupon, count(*) n, max(coupon) as m from orders group by coupon order by coupon;

select upper(coupon) as c, count(*) n from orders group by upper(c) order by c;

select upper(coupon) as coupon, count(*) n from orders group by lower(coupon) order by coupon;

select upper(coupon) as coupon, count(*) n from orders group by upper(coupon) order by coupon;

select upper(coupon) as coupon, count(*) n from orders group by upper(coupon) having max(coupon) = 'vip' or coupon = 'SPRING' order by coupon;

select upper(coupon) as coupon, sum(quantity) over (partition by coupon) n from orders window w as (partition by coupon) order by 1, 2;

select -quantity as quantity, rank() over w r from orders window w as (order by quantity) order by 1, 2;

select count(*) as n, quantity from orders group by quantity having n > 1 order by n, quantity;

select count(*) as quantity from orders group by customer having quantity > 1;

select max(quantity) as quantity from orders having quantity > 1;

select o.quantity as q, count(*) as n from orders o group by q having q > 1 order by q;

select max(quantity) quantity, customer from orders group by customer having max(quantity) > 1 order by max(quantity), customer;

select customer as coupon, count(*) n from orders o group by coupon having coupon = 'ann';

select customer as coupon, count(*) n from orders o group by coupon having max(coupon) is null order by 1;

select geo.city, count(*) n from ga4_events group by city order by city;

select geo.city, count(*) n from ga4_events group by geo.city order by city;

select a.customer, count(*) n from orders a join orders b on a.order_id = b.order_id group by customer order by customer;

select a.customer, count(*) n from orders a join orders b on a.order_id = b.order_id group by customer order by upper(customer);

select a.customer from orders a join orders b on a.order_id = b.order_id order by upper(customer), a.order_id;

select *, upper(customer) as buyer from orders order by lower(buyer), order_id;

select upper(ep.key) as key, count(*) n from ga4_events, unnest(event_params) ep group by key order by key;

select upper(key) as key, count(*) n from ga4_events, unnest(event_params) group by key order by key;

select event_name, (select upper(key) as key from unnest(event_params) group by key order by key limit 1) k from ga4_events order by 1, 2;

select parse_date('%Y%m%d', event_date) as event_date, count(*) n from ga4_events group by event_date order by event_date;

select parse_date('%Y%m%d', event_date) as event_date, count(*) n from ga4_events group by 1 having event_date > date '2020-01-01' order by event_date;

with d as (select parse_date('%Y%m%d', event_date) as event_date, user_pseudo_id from ga4_events) select date_trunc(event_date, week) as event_date, count(distinct user_pseudo_id) from d group by event_date order by event_date;
