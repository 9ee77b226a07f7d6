-- Aggregates skip NULL. If one value is NaN, the result is NaN.
select count(*) as all_rows, count(x) as xs, count(distinct coupon) as coupons from orders cross join (select 1 as x);

select sum(quantity) as total, avg(quantity) as mean, min(quantity) as least_one, max(quantity) as most from orders;

select sum(price) as total, avg(price) as mean, min(price) as cheapest, max(price) as dearest from orders;

select sum(discount) as total, avg(discount) as mean, min(discount) as lowest, max(discount) as highest from orders;

select min(x) as low, max(x) as high, sum(x) as total from measures where grp = 'b';

select min(x) as low, max(x) as high from measures where grp = 'a';

select sum(x) as total, avg(x) as mean, count(x) as n from measures where grp = 'c';

select sum(n) as total, count(*) as n, max(n) as most, array_agg(n) as all_n from measures where false;

select grp, count(*) as n, sum(n) as total from measures group by grp order by grp;

select grp, avg(x) as mean from measures where is_nan(x) is not true group by grp order by grp desc;

select min(customer) as first_one, max(customer) as last_one from orders;

select min(day) as first_day, max(ordered_at) as last_time from orders;

select min(is_paid) as none, max(is_paid) as has_some, logical_and(is_paid) as every, logical_or(is_paid) as any_one from orders;

select countif(is_paid) as paid, countif(discount > 0) as discounted, countif(customer is null) as unknown from orders;

select count(distinct if(is_paid, customer, null)) as paying from orders;

select sum(if(is_paid, quantity, 0)) as paid, sum(if(is_paid, quantity, null)) as paid_or_null from orders where customer = 'cid';

select string_agg(customer, ', ' order by order_id) as customers from orders;

select string_agg(distinct customer, '|' order by customer) as customers from orders;

select string_agg(coupon order by order_id desc limit 3) as coupons from orders;

select string_agg(coupon, '') as nothing from orders where false;

select array_agg(customer ignore nulls order by order_id) as customers from orders;

select array_agg(distinct customer ignore nulls order by customer) as customers from orders;

select array_agg(order_id order by price desc limit 2) as dearest from orders;

select array_agg(struct(order_id, customer) order by order_id desc limit 1)[offset(0)].customer as last_customer from orders;

select customer, array_agg(struct(day, price) order by order_id) as history from orders where customer is not null group by customer order by customer;

select any_value(customer) as customer from orders where order_id = 2;

select any_value(customer having max price) as customer, any_value(order_id having min price) as order_id from orders;

select max_by(customer, price) as dearest, min_by(order_id, price) as cheapest from orders where price is not null;

select array_concat_agg(xs order by n) as all_xs from measures;

select bit_and(n) as b_and, bit_or(n) as b_or, bit_xor(n) as b_xor from measures;

select stddev(quantity) as s, stddev_pop(quantity) as p, variance(quantity) as v, var_pop(quantity) as vp from orders;

select stddev(n) as s, var_samp(n) as v, stddev_pop(n) as p from measures where n = 1;

select corr(order_id, quantity) as r, covar_pop(order_id, quantity) as p, covar_samp(order_id, quantity) as s from orders;

select corr(n, x) as r, covar_samp(n, x) as s, covar_pop(n, x) as p from measures where n = 1;

select corr(n, 5) as r from measures;

select grp, sum(m) as total, avg(m) as mean, count(distinct m) as n from measures group by grp order by grp;

select round(avg(price), 2) as mean, cast(avg(quantity) as int64) as about from orders;

select sum(quantity * price) as revenue, sum(quantity) / count(*) as per_order from orders;

select safe_divide(sum(quantity), countif(false)) as none, ieee_divide(sum(quantity), 0) as infinite from orders;

select sum(distinct quantity) as total, avg(distinct quantity) as mean from orders;

select max(b) as last_bytes, min(b) as first_bytes from measures;

select count(distinct x) as xs, count(distinct n) as ns from measures;

select logical_or(n > 7) as has_some, logical_and(x > 0) as every from measures;

select sum(1.5) as total, sum(1) as ones, sum(cast(1 as numeric)) as nums from orders;

select avg(n) as a, avg(cast(n as numeric)) as b from measures;

select grp, string_agg(cast(x as string) order by n) as texts from measures group by grp order by grp;

select count(*) as n from orders having count(*) > 100;

select customer, count(*) as n from orders group by customer having n > 1 order by n desc, customer;

select percentile_cont(n, 0.5) over () as median, percentile_disc(n, 0.5) over () as lower_median from measures order by n;

select distinct grp, percentile_cont(n, 0.25) over (partition by grp) as quarter from measures order by grp;

select string_agg(cast(x as bytes) order by x), string_agg(distinct cast(x as bytes) order by cast(x as bytes)) from unnest(['a', 'b']) as x;

select sum(x) from unnest([numeric '99999999999999999999999999999', numeric '10']) as x;

select avg(x), avg(distinct x) from unnest([numeric '99999999999999999999999999999.999999999', 1]) as x;

select string_agg(b'ab'), string_agg(x, b'-') from unnest([b'\xff', b'c']) as x;
