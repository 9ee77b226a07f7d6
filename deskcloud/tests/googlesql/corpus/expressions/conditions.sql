if(true, 1, 2)
if(null, 1, 2)
if(1 = 2, 'a', null)
ifnull(null, 'x')
ifnull('a', 'x')
coalesce(null, null, 3)
nullif('a', 'a')
nullif(1, 2)
case 1 when 1 then 'one' else 'other' end
case when false then 1 end
case null when null then 1 else 2 end
case when null then 1 else 2 end
null is null
1 is null
true is true
null is true
null is not false
cast(null as bool) and false
cast(null as bool) and true
cast(null as bool) or true
not cast(null as bool)
1 in (1, 2)
null in (1, 2)
3 in (1, null)
3 not in (1, null)
1 in unnest([1, 2])
3 in unnest([1, null])
1 in unnest([1, null])
null in unnest([1, 2])
1 in unnest(cast(null as array<int64>))
1 not in unnest([2, null])
1 is distinct from null
null is distinct from null
1 is not distinct from 1
1 between 0 and null
2 between 3 and null
cast(null as int64) = 1
1 <> 2
1 != 1
true > false
exists(select 1)
exists(select 1 from unnest([1]) as x where x = 2)
(select 1)
(select x from unnest([1]) as x where x = 2)
1 in (select x from unnest([1, 2]) as x)
3 in (select x from unnest([1, null]) as x)
array(select x from unnest([3, 1]) as x order by x)
safe_cast('1' as int64) + 1
ifnull(safe_cast('x' as int64), -1)
typeof(1)
typeof('a')
typeof(1.5)
typeof([1])
typeof(struct(1 as x))
typeof(null)
typeof(date '2024-01-01')
typeof(numeric '1')
cast('nan' as float64) between 0 and 1
0.5 between 0 and cast('nan' as float64)
cast('nan' as float64) not between 0 and cast(null as float64)
