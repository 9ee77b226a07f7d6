-- One query per line. The queries use features of names, arrays and structs that GoogleSQL has and DuckDB does not have.
select struct(1 as a,null as b) = struct(1 as b, null as c)
select struct(1 as a, null as b) = struct(2 as a, 1 as c)
select h, a from unnest([struct(1 as a, 2 as h)]) as h
select * from unnest([struct(1 as a, 2 as b)]) as h with offset as o
select * from unnest([1,2])
with t as (select [struct(1 as a)] as hits) select hits from t, unnest(hits) as hits
with t as (select [struct(1 as a)] as hits) select * from t, t.hits
with t as (select [struct(1 as a)] as hits) select (select count(*) from t.hits) from t
with t as (select [struct(1 as a)] as hits) select t.hits, a from t, unnest(t.hits)
select [struct(1 as a), struct(2 as b)]
select struct(1 as a) as s union all select struct(2 as b)
select if(true, struct(1 as a), struct(2 as b)) as s
select struct(1 as a) in unnest([struct(1 as b)])
select a+1 as a, count(*) as n from unnest([struct(1 as a)]) group by a
select cast(struct(1 as a, 'x' as b) as struct<x int64, y string>) as s
select struct(a, a.b, a.b + 1) as s from (select struct(1 as b) as a)
select case struct(1 as a) when struct(1 as b) then 1 end as x
select e is null as n, a from unnest([struct(1 as a), null]) e
select t from (select 1 as a) t, unnest([1]) x
with e as (select [struct('ga_session_id' as key, struct(cast(null as string) as string_value, 7 as int_value) as value)] as event_params) select (select value.int_value from unnest(event_params) where key = 'ga_session_id') as v from e
with e as (select [struct('ga_session_id' as key, struct(cast(null as string) as string_value, 7 as int_value) as value)] as event_params) select value.int_value from e, unnest(event_params) where key = 'ga_session_id'
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps union all select 2, []) select i, key, v from e left join unnest(ps) order by i, key
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps union all select 2, null) select i, key, v from e cross join unnest(ps) p where p.key = 'l'
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps union all select 2, null) select i, p.key, off from e left join e.ps as p with offset off order by 1,2
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps) select exists(select 1 from unnest(ps) where key = 'k' and v = i + 6) as x from e
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps) select array(select v from unnest(ps) order by key desc) as x, 7 in (select v from unnest(ps)) as y, array(select as struct key, v + i as w from unnest(ps)) as z from e
with t as (select [1,2,3] as arr) select (select sum(x) from unnest(arr) as x) as s, (select max(x) from t.arr as x) as m from t
select * except(a) from unnest([struct(1 as a, 2 as b)])
select h.* except(a) from unnest([struct(1 as a, 2 as b)]) h
select * replace(b + 1 as b) from unnest([struct(1 as a, 2 as b)])
with p as (select array(select as struct x, x * 2 as y from unnest([1,2]) x) as l) select y from p, unnest(l) where x = 2
with p as (select k, sum(v) as total from unnest([struct('a' as k, 1 as v), ('a', 2), ('b', 3)]) group by k having total > 1 ) select k, total from p order by total desc
select k from unnest([struct('a' as k, 1 as v), ('a', 2), ('b', 3)]) where true qualify row_number() over (partition by k order by v desc) = 1
with recursive r as (select 1 as n union all select n + 1 from r, unnest([struct(1 as one)]) where n < 3 and one = 1) select n from r
with e as (select struct([struct('k' as key)] as items) as ecommerce) select key from e, e.ecommerce.items
with e as (select struct([struct('k' as key)] as items) as ecommerce) select (select key from unnest(e.ecommerce.items) limit 1) as k, (select any_value(key) from unnest(ecommerce.items)) as l from e
select key from (select if(true, [struct('k' as key)], []) as arr), unnest(arr)
select key from (select array_concat([struct('k' as key)], [struct('l' as key)]) as arr), unnest(arr)
select key from unnest(array<struct<key string, n int64>>[('k', 1), ('l', 2)]) where n = 2
select struct(1, 2) as s
select struct(x, y as z) as s, struct(x, x + 1) as u from (select 1 as x, 2 as y)
select to_json_string(struct(x, y as z)) as s from (select 1 as x, 2 as y)
select (1, 2) in ((1, 2), (3, 4)) as a, (1, 2) = (x, y) as b from (select 1 as x, 2 as y)
select a = b as e, a != b as n from (select struct(1 as x, 2 as y) as a, struct(1 as u, 3 as v) as b)
select s.x from (select struct(1 as x) as s union all select struct(2 as y)) order by 1
select cast(s as struct<u int64, v string>).v as v from (select struct(1 as a, 'x' as b) as s)
select value from unnest([struct(1 as value)]) as value
select value.value from unnest([struct(1 as value)]) as value
with e as (select 'purchase' as event_name, [struct('currency' as key, struct('EUR' as string_value) as value)] as event_params, [struct('A' as item_id, 2 as quantity)] as items) select event_name, item_id, sum(quantity) as q, max((select value.string_value from unnest(event_params) where key = 'currency')) as cur from e, unnest(items) group by event_name, item_id
with e as (select 'a' as user, [struct('k' as key, 1 as v)] as ps) select e.*, key from e, unnest(ps)
with e as (select 'a' as user, [struct('k' as key, 1 as v)] as ps) select e.* except(ps), p.* from e, unnest(ps) p
with e as (select 'a' as user, [struct('k' as key, 1 as v)] as ps) select * except(ps) from e, unnest(ps) p
select struct(1 as a,null as b) = struct(1 as b, null as c)
select struct(1 as a, null as b) = struct(2 as a, 1 as c)
select case struct(1 as a) when struct(1 as b) then 1 end as x
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps union all select 2, null) select i, p.key, off from e left join e.ps as p with offset off order by 1,2
with e as (select 1 as i, [struct('k' as key, 7 as v), struct('l', 8)] as ps union all select 2, null) select i, key, offset from e, e.ps with offset order by 1,2
with t as (select [struct(1 as a, 'x' as b)] as l) select (select as struct a, b from unnest(l)).b as b from t
with t as (select [struct(1 as a, 'x' as b)] as l) select (select struct(a, b) from unnest(l)).b as b from t
with t as (select [struct(1 as a, 'x' as b)] as l) select l[offset(0)].b as b, l[safe_offset(3)].a as c from t
select a from unnest([struct(1 as a)]) union all select b from unnest([struct(2 as b)])
select array_agg(h order by a desc)[offset(0)].a as m from unnest([struct(1 as a), struct(2 as a)]) h
select (select string_agg(key, ',' order by key) from unnest(ps)) as k from (select [struct('b' as key), struct('a' as key)] as ps)
with e as (select 'u' as u, [struct('k' as key, struct(1 as i, 'x' as s) as value)] as ps) select u, max(case when key = 'k' then value.i end) as i, any_value(if(key = 'k', value.s, null)) as s from e, unnest(ps) group by 1
with e as (select [struct('k' as key, 1 as v)] as ps), f as (select key, v from e, unnest(ps)) select f.key, f.v from f
with t as (select 1 as key, [struct(2 as key)] as l) select t.key as a, l2.key as b from t, unnest(l) as l2
with t as (select 1 as id, [struct(2 as k), struct(5 as k)] as l) select id, k from t left join unnest(l) on k > 4
with t as (select 1 as id, [struct(2 as k), struct(5 as k)] as l), u as (select 5 as k2) select id, k, k2 from t, unnest(l) join u on u.k2 = k
with t as (select struct(1 as a, [struct(2 as b)] as c) as s) select b from t, t.s.c
select * from unnest([struct(1 as a, [2,3] as l)]), unnest(l) as e order by e
select struct(1 as a, 'x' as b) in ((1, 'x'), (2, 'y')) as i
select (a, b) in (select (x, y) from (select 1 as x, 'p' as y)) as i from (select 1 as a, 'p' as b)
select s.u from (select case when true then struct(1 as u) else struct(2 as v) end as s)
select a = b as e from (select struct(1 as x) as a, cast(null as struct<y int64>) as b)
with s as (select 1 as id, [struct(1 as n, [struct('p1' as sku, 2 as q), struct('p2', 3)] as product), struct(2, array<struct<sku string, q int64>>[])] as hits) select id, n, sku, q from s, unnest(hits), unnest(product)
with s as (select 1 as id, [struct(1 as n, [struct('p1' as sku, 2 as q), struct('p2', 3)] as product), struct(2, array<struct<sku string, q int64>>[])] as hits) select id, h.n, p.sku from s, s.hits as h, h.product as p
with s as (select 1 as id, [struct(1 as n, [struct('p1' as sku, 2 as q), struct('p2', 3)] as product), struct(2, array<struct<sku string, q int64>>[])] as hits) select id, hits.n, product.sku from s, unnest(hits) as hits, unnest(hits.product) as product
with s as (select 1 as id, [struct(1 as n, [struct('p1' as sku, 2 as q), struct('p2', 3)] as product), struct(2, array<struct<sku string, q int64>>[])] as hits) select (select sum((select sum(q) from unnest(product))) from unnest(hits)) as total from s
with s as (select 1 as id, [struct(1 as n, [struct('p1' as sku, 2 as q), struct('p2', 3)] as product), struct(2, array<struct<sku string, q int64>>[])] as hits) select id, hits.n, p.sku from s left join s.hits left join hits.product as p
select * from (select 1 as id, [struct(1 as a, 2 as b)] as arr), unnest(arr) d
select * from (select 1 as id, [struct(1 as a, 2 as b)] as arr), unnest(arr)
select * from (select k, array_agg(struct(v, w)) as arr from (select 1 as k, 2 as v, 3 as w) group by k) left join unnest(arr) d with offset o
select * except(arr) from (select k, array_agg(struct(v, w)) as arr from (select 1 as k, 2 as v, 3 as w) group by k) left join unnest(arr)
select * from (select 1 as id, [struct(1 as a, 2 as b)] as arr) join unnest([1, 2]) as x on x = id, unnest(arr) d
select * from (select 1 as a, 'x' as n, 5 as v) pivot (sum(v) for n in ('x', 'y')), unnest([struct(1 as c)])
select * from (select * from (select 1 as a, 'x' as n, 5 as v) pivot (sum(v) for n in ('x', 'y'))), unnest([struct(1 as c)])
select * replace ('z' as id) from (select 1 as id, [struct(1 as a, 2 as b)] as arr), unnest(arr)
select * from (select 5 as z) as c cross join ((select 1 as k, 2 as v) as a join (select 1 as k, 3 as w) as b using (k)), unnest([struct(1 as x)])
select * from (select 5 as z) as c cross join (select 1 as k, 2 as v) as a join (select 1 as k, 3 as w) as b using (k), unnest([struct(1 as x)])
select * from (select 1 as k, 2 as v) as a full join (select 2 as k, 3 as w) as b using (k), (select 5 as z) as c, unnest([struct(1 as x)])
with w as (select 1 as id, [struct(1 as a, 2 as b)] as arr), v as (select * from w) select * from (select * from v), unnest(arr) as e where e.a = 1
select value.* from unnest([struct(struct(1 as n) as value)])
select v.value.x.* except (n) from unnest([struct(struct(struct(1 as n, 2 as m) as x) as value)]) v
select t.s.* from (select struct(1 as n) as s) t, unnest([1])
select array(select as struct s.*, 1 as z from unnest([struct(struct(1 as n) as s)])) as l
