select order_id, row_number() over (partition by customer order by order_id) as n from orders order by order_id;

select order_id, row_number() over (order by price desc, order_id) as n from orders order by order_id;

select order_id, rank() over (order by quantity) as r, dense_rank() over (order by quantity) as d from orders order by order_id;

select order_id, percent_rank() over (order by quantity) as p, cume_dist() over (order by quantity) as c from orders order by order_id;

select order_id, ntile(3) over (order by order_id) as tile from orders order by order_id;

select order_id, lag(order_id) over (order by order_id) as before, lead(order_id) over (order by order_id) as after from orders order by order_id;

select order_id, lag(order_id, 2, -1) over (order by order_id) as before from orders order by order_id;

select order_id, first_value(coupon) over (order by order_id) as f, first_value(coupon ignore nulls) over (order by order_id) as g from orders order by order_id;

select order_id, last_value(coupon) over (order by order_id) as l, last_value(coupon ignore nulls) over (order by order_id) as g from orders order by order_id;

select order_id, last_value(coupon ignore nulls) over (order by order_id rows between unbounded preceding and 1 preceding) as l from orders order by order_id;

select order_id, last_value(order_id) over (partition by customer order by order_id rows between unbounded preceding and unbounded following) as l from orders order by order_id;

select order_id, nth_value(order_id, 2) over (order by order_id) as second from orders order by order_id;

select order_id, nth_value(coupon, 2 ignore nulls) over (order by order_id rows between unbounded preceding and unbounded following) as second from orders order by order_id;

select order_id, sum(quantity) over (order by order_id) as running from orders order by order_id;

select order_id, sum(quantity) over () as total, count(*) over (partition by customer) as n from orders order by order_id;

select order_id, sum(quantity) over (order by order_id rows between 1 preceding and 1 following) as around from orders order by order_id;

select order_id, sum(quantity) over (order by order_id range between 2 preceding and current row) as last_three from orders order by order_id;

select order_id, avg(price) over (order by order_id rows between 2 preceding and current row) as mean from orders order by order_id;

select order_id, sum(quantity) over (order by unix_date(day) range between 6 preceding and current row) as week from orders order by order_id;

select order_id, max(price) over (partition by customer) - price as below_best from orders order by order_id;

select order_id, count(distinct customer) over () as customers from orders order by order_id;

select order_id, countif(is_paid) over (order by order_id) as paid from orders order by order_id;

select order_id, string_agg(customer, ',') over (order by order_id) as so_far from orders order by order_id;

select order_id, array_agg(order_id) over (order by order_id rows between 1 preceding and current row) as pair from orders order by order_id;

select order_id, logical_or(is_paid) over (partition by customer) as paid from orders order by order_id;

select grp, x, row_number() over (order by x) as n from measures order by n;

select grp, x, rank() over (order by x desc) as n from measures order by n, grp;

select n, sum(x) over (order by n) as running from measures order by n;

select n, min(x) over (partition by grp order by n) as low, max(x) over (partition by grp order by n) as high from measures order by n;

select order_id, sum(quantity) over w as total, count(*) over w as n from orders window w as (partition by customer order by order_id) order by order_id;

select order_id, sum(sum(quantity)) over (order by order_id) as running from orders group by order_id order by order_id;

select customer, sum(quantity) as total, safe_divide(sum(quantity), sum(sum(quantity)) over ()) as share from orders group by customer order by customer;

select order_id, timestamp_diff(ordered_at, lag(ordered_at) over (partition by customer order by ordered_at), minute) as minutes from orders where ordered_at is not null order by order_id;

select order_id, row_number() over (order by day nulls last, order_id) as n from orders order by order_id;

select order_id, row_number() over (order by day desc, order_id) as n from orders order by order_id;

-- Queries with QUALIFY.
select order_id, customer from orders where true qualify row_number() over (partition by customer order by order_id desc) = 1 order by order_id;

select order_id, row_number() over (partition by customer order by order_id) as n from orders where true qualify n = 1 order by order_id;

select customer, sum(quantity) as total from orders group by customer qualify rank() over (order by sum(quantity) desc) <= 2 order by customer;

select order_id from orders qualify count(*) over (partition by customer) > 1 order by order_id;

select * except (n) from (select order_id, row_number() over (partition by customer order by order_id) as n from orders) where n = 2 order by order_id;

select lag(quantity, -1) over (order by order_id) from orders;

select order_id, count(*) over (order by order_id range between 2 preceding and 1 preceding) from orders;

select order_id, count(*) over w from orders window w as (order by order_id range between 2 following and 3 following);

select x, sum(1) over (order by x desc range between unbounded preceding and current row) from unnest([1.5, cast('nan' as float64), null]) as x;

select date_trunc(moment, month) as month, count(*) from unnest([timestamp '2024-05-06 07:08:09', '2024-05-07 00:00:00']) as moment group by month;

select avg(distinct x) over (), min(x) over () from (select cast(null as numeric) as x union all select 3.5 union all select -1.23);
