select * from (select customer, is_paid, quantity from orders) pivot (sum(quantity) for is_paid in (true, false)) order by customer;

select * from (select customer, coupon, quantity from orders) pivot (sum(quantity) as total for coupon in ('SPRING', 'VIP' as v)) order by customer;

select * from (select customer, coupon, quantity from orders) pivot (sum(quantity) as total, count(*) as n for coupon in ('SPRING', 'VIP')) order by customer;

select * from (select 'a' as k, 1 as q1, 2 as q2, cast(null as int64) as q3) unpivot (sales for quarter in (q1, q2, q3)) order by quarter;

select * from (select 'a' as k, 1 as q1, cast(null as int64) as q2) unpivot include nulls (sales for quarter in (q1, q2)) order by quarter;

select * from (select 'a' as k, 1 as q1, 2 as q2) unpivot (sales for quarter in (q1 as 'first', q2 as 'second')) order by quarter;

select * from (select 1 as a1, 2 as b1, 3 as a2, 4 as b2) unpivot ((a, b) for half in ((a1, b1) as 'one', (a2, b2) as 'two')) order by half;

select grp, p.a, p.b from (select grp, 1 as a, 2 as b from measures) as p order by grp limit 2;
