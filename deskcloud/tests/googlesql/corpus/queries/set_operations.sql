select customer from orders union all select grp from measures order by 1;

select customer from orders union distinct select customer from orders order by 1;

select customer from orders except distinct select 'ann' order by 1;

select customer from orders intersect distinct select x from unnest(['ann', 'zoe', null]) as x order by 1;

(select 1 as x) union all (select 2.5) order by x;

select 1 as x union all select numeric '2.5' order by x;

select null as x union all select 'a' order by x;

select date '2024-01-01' as d union all select null order by d;

select 1 as x, 'a' as y union all select 2, 'b' order by x;

(select x from unnest([3, 1, 2]) as x order by x desc limit 2) union all select 9 order by 1;

select x from measures union distinct select x from measures order by x;

select x from measures except distinct select cast('nan' as float64) order by x;

with a as (select 1 as x union all select 2), b as (select 2 as x union all select 3) select x from a intersect distinct select x from b;

with a as (select 1 as x union all select 2) select * from a union all (select 5 union distinct select 5) order by x;

select struct(1 as a, 'x' as b) as s union all select struct(2, 'y') order by s.a;

select [1] as xs union all select [2, 3] order by array_length(xs);

select cast(null as numeric) as x union all select 3.5 union all select -1.230000001;

select 1 as a, 2 as b union all corresponding select 3 as b, 4 as c;

select 1 as a, 2 as b full union all corresponding select 3 as b, 4 as c;

select 1 as a, 2 as b left union all by name select 3 as b, 4 as c;

select 1 as a, 2 as b union all by name select 3 as b, 4 as c;

select 1 as a, 2 as b full union all by name on (b) select 3 as b, 4 as c;

(select 1 union all select 1) intersect distinct select 1;

with t as (select 1 as a, 2 as b), u as (select 3 as b, 4 as a) select * from t union all by name select * from u;

with t as (select 1 as a, 2 as b), u as (select 3 as b, 4 as c) select * except (a) from t union all corresponding select * from u;

select 1 as a, 2 as b union all by name on (B, a) select 3 as b, 4 as a;

select nullif(s, (null, 2)) as x, nullif(s, (3, 2)) as y from (select struct(1 as x, 2 as y) as s union all select struct(3 as x, 2 as y));

(select 2, 'v' union all select 2, 'v') |> intersect distinct (select 2, 'v' union all select 2, 'v');

with t as (select 1 as a) (select a from t union all select a from t) except distinct select 2;

select date '2024-01-01' as d, timestamp '2024-01-01' as t union all select '2024-01-17', '2024-01-17 00:00:00.123456 UTC';
