-- Queries with UNNEST in every place where it is allowed, and with structs with and without field names.
select x from unnest([1, 2, 3]) as x order by x;

select * from unnest([1, 2]) as x order by x;

select * from unnest([1, 2]) order by 1;

select x, i from unnest(['a', 'b']) as x with offset as i order by i;

select x, offset from unnest(['a', 'b']) as x with offset order by offset;

select * from unnest(['a', 'b']) as x with offset as i order by i;

select x.a, x.b from unnest([struct(1 as a, 'p' as b), (2, 'q')]) as x order by 1;

select a, b from unnest([struct(1 as a, 'p' as b), (2, 'q')]) order by a;

select * from unnest([struct(1 as a, 'p' as b), (2, 'q')]) order by a;

select * from unnest([struct(1 as a, 'p' as b), (2, 'q')]) as x order by a;

select * from unnest(array<struct<a int64, b string>>[(1, 'p'), (2, 'q')]) order by a;

select x.* except (b) from unnest([struct(1 as a, 'p' as b)]) as x;

select x from unnest([struct(1 as a, 'p' as b)]) as x;

select a + 1 as next_a, i from unnest([struct(1 as a), struct(5)]) with offset as i order by i;

select m.n, v from measures as m, unnest(m.xs) as v order by n, v;

select m.n, v from measures as m, m.xs as v order by n, v;

select m.n, v from measures as m cross join unnest(m.xs) as v with offset as o order by n, o, v;

select m.n, v from measures as m left join unnest(m.xs) as v order by n, v;

select n, xs from measures, unnest(xs) as xs order by n, xs;

select n, (select sum(v) from unnest(xs) as v) as total from measures order by n;

select n, array(select v * 2 from unnest(xs) as v order by v) as doubled from measures order by n;

select n, exists(select 1 from unnest(xs) as v where v = 4) as has_four from measures order by n;

select n, (select count(*) from unnest(xs)) as size from measures order by n;

select n, (select v from unnest(xs) as v order by v desc limit 1) as largest from measures order by n;

select n, (select array_agg(v order by v desc) from unnest(xs) as v) as sorted from measures where grp = 'a' order by n;

select n from measures where 4 in unnest(xs) order by n;

select n, s.p + 1 as p, s.q from measures where s.p is not null order by n;

select struct(n, x) as pair from measures where n in (1, 2) order by n;

select struct(n, s.p) as pair from measures where n in (1, 2) order by n;

select struct(n as a, x) as pair, struct(grp, struct(n)) as deep from measures where n = 1;

select array_agg(struct(n, x) order by n) as pairs from measures where n < 3;

select (select as struct n, x) as pair from measures where n = 1;

select array(select as struct n, v from unnest(xs) as v order by v) as pairs from measures where n in (1, 3) order by n;

select grp, array_agg(struct(n) ignore nulls order by n) as ns from measures group by grp order by grp;

select p.n from (select array_agg(struct(n, x) order by n) as pairs from measures), unnest(pairs) as p order by n;

select n, x from (select array_agg(struct(n, x) order by n) as pairs from measures), unnest(pairs) order by n;

select a.x, b.y from unnest([1, 2]) as a_x, unnest([struct(a_x as x)]) as a, unnest([struct('p' as y)]) as b order by 1;

select x, y from unnest([1, 2]) as x, unnest(['a', 'b']) as y order by x, y;

select x, y from unnest([1, 2]) as x, unnest(generate_array(1, x)) as y order by x, y;

select x from unnest(split('a,b,c')) as x with offset as i where i > 0 order by i;

select day from unnest(generate_date_array('2024-01-30', '2024-02-02')) as day order by day;

select d.day, count(o.order_id) as n from unnest(generate_date_array('2024-01-04', '2024-01-08')) as d_day, unnest([struct(d_day as day)]) as d left join orders as o on o.day = d.day group by day order by day;

select n, v.value from measures, unnest([struct(n as value)]) as v order by n;

with t as (select [struct('a' as k, 1 as v), ('b', 2)] as kv) select (select v from unnest(kv) where k = 'b') as b from t;

with t as (select [struct('a' as k, struct(1 as i, 'x' as s) as v)] as kv) select k, v.i, v.s from t, unnest(kv);

with t as (select [struct('a' as k, [1, 2] as vs), ('b', [3])] as kv) select k, x from t, unnest(kv) as e, unnest(e.vs) as x order by x;

with t as (select [struct('a' as k, [1, 2] as vs), ('b', [3])] as kv) select k, x from t, t.kv, unnest(vs) as x order by x;

select x from unnest(json_query_array('[{"id": 1}, {"id": 2.50}]')) as x;

select json_value(x, '$.id') as id, count(*) as n from unnest(json_extract_array('[{"id": 1}, {"id": 2.50}]')) as x group by id order by id;

select x from unnest(json_value_array('["b", "a"]')) as x order by x;
