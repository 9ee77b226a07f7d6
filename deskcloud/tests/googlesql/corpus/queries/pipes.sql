-- Pipe operators in different orders, because the order changes the result.
from orders |> where quantity > 1 |> select order_id, quantity |> order by order_id;

from orders |> order by order_id |> limit 3 |> where quantity > 1 |> select order_id;

from orders |> order by order_id desc |> limit 3 |> order by order_id |> limit 1 |> select order_id;

from orders |> order by order_id |> limit 4 offset 1 |> limit 2 offset 1 |> select order_id;

from orders |> order by order_id |> limit 2 |> limit 5 |> aggregate count(*) as n;

from orders |> order by order_id |> limit 2 |> extend sum(order_id) over () as total |> select order_id, total;

from orders |> where is_paid |> extend quantity * 2 as doubled |> where doubled > 2 |> select order_id, doubled |> order by order_id;

from orders |> aggregate count(*) as n, sum(quantity) as total group by customer |> where n > 1 |> order by customer;

from orders |> aggregate sum(quantity) as total group and order by customer desc;

from orders |> aggregate sum(quantity) as total group and order by customer;

from orders |> aggregate count(*) as n desc group by customer |> limit 1;

from orders |> aggregate group by is_paid |> order by is_paid;

from orders |> aggregate count(distinct customer);

from orders |> select customer |> distinct |> aggregate count(*) as n;

from orders |> select distinct customer |> aggregate count(*) as n;

from orders |> select customer |> distinct |> where customer > 'ann' |> order by customer;

from orders |> select order_id, price |> set price = price * 2 |> order by order_id;

from orders |> drop price, ordered_at, discount, is_paid, coupon, day |> where order_id < 3 |> order by order_id;

from orders |> select order_id, price |> rename order_id as id, price cost |> where id = 1;

from orders as o |> where o.order_id < 3 |> extend o.order_id + 1 as next |> where o.quantity > 1 |> select o.order_id, next;

from orders |> as o |> where o.order_id = 1 |> select o.customer;

from orders |> aggregate count(*) as orders |> where orders > 1;

from orders |> where order_id < 3 |> join measures on order_id = n |> select order_id, grp |> order by order_id;

from orders as o |> where order_id < 3 |> left join (select 1 as order_id, 'x' as tag) as t using (order_id) |> select order_id, tag |> order by order_id;

from (select 1 as x) as l |> where l.x = 1 |> full join (select 2 as x) as r on l.x = r.x |> select l.x as left_x, r.x as right_x |> order by right_x;

from (select 1 as x) as l |> where x = 1 |> join (select 1 as x, 3 as y) as r on l.x = r.x |> where r.y = 3 |> join (select 3 as z) as s on r.y = s.z |> select l.x, z;

from orders as o |> order by order_id |> limit 2 |> join orders as p on o.order_id + 1 = p.order_id |> select o.order_id, p.customer |> order by order_id;

from measures as m |> cross join unnest(m.xs) as x |> where x > 3 |> select n, x |> order by n, x;

from orders |> select order_id |> order by order_id |> limit 1 |> union all (select 9), (select 10) |> where order_id > 1 |> order by order_id;

from orders |> select order_id |> except distinct (select 1), (select 2) |> aggregate min(order_id) as least;

from orders |> select customer, quantity, is_paid |> where customer is not null |> pivot (sum(quantity) for is_paid in (true as paid, false as unpaid)) |> order by customer;

from (select 1 as a, 2 as b) |> unpivot (v for k in (a, b)) |> where v > 1;

select order_id + 1 as order_id from orders |> where order_id > 7;

select customer, count(*) as n from orders group by customer |> where n > 2;

select order_id from orders order by order_id desc limit 2 |> where order_id < 7;

select 1 as x union all select 2 |> aggregate sum(x) as total;

with paid as (from orders |> where is_paid) from paid |> aggregate count(*) as n;

select (from orders |> aggregate max(order_id)) as latest, array(from orders |> where order_id < 3 |> select order_id |> order by order_id) as first;

select order_id from orders where order_id in (from measures |> where n < 3 |> select n) order by order_id;
