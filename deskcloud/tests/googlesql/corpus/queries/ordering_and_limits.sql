select x from measures order by x;

select x from measures order by x desc;

select x from measures order by x nulls last;

select x from measures order by x desc nulls first;

select customer from orders order by customer, order_id;

select customer from orders order by customer desc nulls first, order_id;

select order_id from orders order by price desc limit 2;

select order_id from orders order by order_id limit 2 offset 3;

select order_id as id, customer as order_id from orders order by order_id, id;

select order_id from orders order by -order_id;

select order_id, upper(customer) as name from orders order by upper(customer) desc, 1;

select b from measures order by b;

select n from measures order by n is null, n desc;

select order_id from orders order by case when customer = 'bob' then 0 else 1 end, order_id;

select order_id from orders order by (select 1), order_id;

select x from unnest([1, 2]) as x limit null;

with t as (select 1.5 as y union all select cast('nan' as float64)) select array(select y from t order by y), array(select y from t order by y desc);

select a from (select 1 as a) limit if(concat('a', 'b') = 'ab', null, 1);
