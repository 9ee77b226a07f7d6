struct(1 as x, 'a' as y)
struct(1, 'a')
(1, 'a')
struct<x int64, y string>(1, 'a')
struct<int64, string>(1, 'a')
struct(1 as x).x
struct(struct(1 as b) as a).a.b
struct(1 as x, [1, 2] as xs).xs[offset(1)]
(1, 2) = (1, 2)
(1, 2) != (1, 3)
struct(1 as x) = struct(1 as y)
struct(1 as x, null as y) = struct(1 as x, 2 as y)
struct(1 as x, 2 as y) in ((1, 2), (3, 4))
(1, 'a') in ((1, 'a'), (2, 'b'))
struct(null as x) is null
cast(null as struct<x int64>) is null
[struct(1 as x, 'a' as y), struct(2 as x, 'b' as y)]
[struct(1 as x, 'a' as y), (2, 'b')]
[struct(1 as x, 'a' as y), struct(2, 'b')]
struct(1 = 1)
(select struct(x = y) from (select 1 as x, 2 as y))
(select [struct(x = y as z), struct(x = 1)] from (select 1 as x, 2 as y))
[struct(1 as x, 'a' as y), struct(2 as y, 'b')]
(select array_agg(one.y) from unnest((select [struct('a' as x, t.a.b < t.b as y), struct('b', t.b < t.a.b)] from (select struct(1 as b) as a, 2 as b) as t)) as one)
[(1, 'a'), (2, 'b')]
array<struct<x int64, y string>>[(1, 'a'), (2, 'b')]
(select as struct 1 as x, 2 as y)
(select as struct 1 as x, 2 as y).y
array(select as struct 1 as x)[offset(0)].x
(select y from unnest([struct(1 as x, 'a' as y), struct(2 as x, 'b' as y)]) where x = 2)
(select value.int_value from unnest([struct('k' as key, struct(5 as int_value) as value)]) where key = 'k')
(select sum(item.price * item.quantity) from unnest([struct(1.5 as price, 2 as quantity), (3.0, 1)]) as item)
if(true, struct(1 as x), struct(2 as x))
coalesce(cast(null as struct<x int64>), struct(3 as x))
array(select as struct 1, 2 union all select as struct 3, 4)
(select as struct 1, 'a' as x)
[struct([1, null] as a)]
