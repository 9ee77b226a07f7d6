-- Queries that GoogleSQL refuses. The local BigQuery must refuse each of them too.
select 1 / 0;

select 1.5 / 0;

select div(1, 0);

select mod(1, 0);

select numeric '1' / 0;

select quantity / 0 from orders where order_id = 1;

select 9223372036854775807 + 1;

select -9223372036854775808 - 1;

select 9223372036854775807 * 2;

select abs(-9223372036854775808);

select sum(x) from unnest([9223372036854775807, 1]) as x;

select 1e308 * 10;

select cast(1e308 as float64) + 1e308;

select exp(1000);

select pow(10, 400);

select ln(0);

select ln(-1);

select log(-1);

select sqrt(-1);

select log10(0);

select pow(-8, 0.5);

select acos(2);

select cast(1e30 as int64);

select cast(cast('nan' as float64) as int64);

select cast('x' as int64);

select cast('1.5' as int64);

select cast('' as float64);

select cast('yes' as bool);

select cast('2024-02-30' as date);

select cast('20240102' as date);

select cast(b'\xff' as string);

select cast('1e40' as numeric);

select numeric '99999999999999999999999999999' * 10;

select date '2024-02-30';

select date(2024, 13, 1);

select parse_date('%Y%m%d', 'x');

select parse_date('%Y%m%d', '20240230');

select parse_timestamp('%Y', 'x');

select date_add(date '9999-12-31', interval 1 day);

select timestamp_add(timestamp '2024-01-01', interval 1 month);

select timestamp 'x';

select [1, 2][offset(2)];

select [1, 2][ordinal(0)];

select array_first(cast([] as array<int64>));

select (select x from unnest([1, 2]) as x);

select error('no');

select json_value('{"a": 1}', 'a');

select parse_json('{');

select int64(json '"x"');

select regexp_contains('a', r'(');

select regexp_extract('a', r'(a)(b)');

select regexp_instr('a', r'(a)(b)');

select substr('abc', 1, -1);

select left('abc', -1);

select repeat('a', -1);

select chr(-1);

select from_hex('x');

select from_base64('!');

select lpad('a', 5, '');

select generate_array(1, 5, 0);

select range_bucket(1, [2, 1]);

select format('%d', 'a');

select format('%s');

select 1 + 'a';

select 'a' + 'b';

select 1 = 'a';

select if(1, 2, 3);

select not 1;

select upper(1);

select length(5);

select coalesce(1, 'a');

select case when true then 1 else 'a' end;

select [1, 'a'];

select 1 in ('a');

select 1 union all select 'a';

select 1 as x union all select 1, 2;

select unknown_function(1);

select unknown_column from orders;

select customer, count(*) from orders;

select customer from orders group by coupon;

select * from orders where sum(quantity) > 1;

select sum(sum(quantity)) from orders;

select row_number() over (partition by discount order by order_id) from orders;

select row_number() over (order by xs) from measures;

select lag(quantity) over () from orders;

select rank() over () from orders;

select j, count(*) from measures group by j;

select j = j from measures;

select s < s from measures;

select xs = xs from measures;

select * from measures order by xs;

select * from measures order by s;

select min(s) from measures;

select max(xs) from measures;

select x from measures union distinct select xs from measures;

select n from measures as a join measures as b on a.n = b.n;

select * except (nothing) from orders;

select customer as a from orders where a = 'ann';

select [[1], [2]];

select date '2024-01-01' + 'x';

select date_diff(date '2024-01-01', timestamp '2024-01-01', day);

select extract(hour from date '2024-01-01');

select date_trunc(date '2024-01-01', hour);

select timestamp '2024-01-01' = date '2024-01-01';

select concat([1], 'a');

select array_concat([1], ['a']);

select struct(1 as a).b;

select null = null;

select order_id from orders order by missing;

select order_id, order_id from orders order by order_id group by 1;

select sum(customer) from orders;

select avg(day) from orders;

select string_agg(order_id) from orders;

select countif(quantity) from orders;

select logical_or(quantity) from orders;

select safe_divide('a', 1);

select numeric 'x';

select timestamp_millis('x');

select split(5);

select trim(5);

select starts_with('a', 1);

select replace('a', 1, 'b');

select regexp_replace('a', 'a', 1);

select 5 like 'a';

select true + 1;

select -'a';

select 1 is true;

select unnest([1, 2]);

select array_agg(xs) from measures;

select (select 1, 2);

select 1 in (select 1, 2);

with a as (select 1) select * from b;

select 1 limit -1;

select cast(1 as date);

select cast(date '2024-01-01' as int64);

select cast(timestamp '2024-01-01' as int64);

select cast([1] as string);

select cast(struct(1) as string);

select cast(true as float64);

select cast(1 as bytes);

select nullif(1, 'a');

select greatest(1, 'a');

select between 1 and 2;

select array_to_string([1, 2], ',');

select cast(1e308 * 10 as string);

select error(null);

select logical_or(true);

select sum(quantity) as quantity from orders group by customer order by sum(quantity);
