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
