[1, 2, 3]
[1, 2.5]
['a', 'b']
array<int64>[]
array<string>['a']
[1, 2, 3][offset(0)]
[1, 2, 3][ordinal(1)]
[1, 2, 3][0]
[1, 2, 3][safe_offset(3)]
[1, 2, 3][safe_ordinal(0)]
[1, 2, 3][safe_offset(-1)]
cast(null as array<int64>)[safe_offset(0)]
array_length([1, 2])
array_length([])
array_length(cast(null as array<int64>))
array_concat([1], [2, 3])
array_concat([1], cast(null as array<int64>))
array_concat(['a'], [])
array_reverse([1, 2, 3])
array_first([1, 2])
array_last([1, 2])
array_slice([1, 2, 3, 4], 1, 2)
array_slice([1, 2, 3, 4], -2, -1)
array_slice([1, 2, 3], 1, 10)
array_is_distinct([1, 2, 1])
array_is_distinct([1, null, null])
generate_array(1, 5)
generate_array(0, 10, 3)
generate_array(5, 1)
generate_array(5, 1, -2)
generate_array(0, 1, 0.5)
generate_array(1, null)
generate_array(3, 3)
array_length(generate_array(1, 100, 7))
array(select x * 2 from unnest([1, 2, 3]) as x order by x)
array(select x from unnest([1, 2, 3]) as x where x > 5)
array(select as struct x, x * x as square from unnest([1, 2]) as x order by x)
array(select distinct x from unnest([2, 1, 2]) as x order by x)
(select sum(x) from unnest([1, 2, 3]) as x)
(select max(x) from unnest(cast([] as array<int64>)) as x)
(select count(*) from unnest(cast(null as array<int64>)))
(select string_agg(x, '-' order by x desc) from unnest(['a', 'b']) as x)
(select x from unnest(['a', 'b', 'c']) as x with offset as i where i = 1)
(select array_agg(x order by x desc limit 2) from unnest([1, 3, 2]) as x)
(select array_agg(x ignore nulls order by x) from unnest([1, null, 2]) as x)
array(select x from unnest([1, null, 2]) as x where x is not null order by x)
(select logical_and(x > 0) from unnest([1, 2]) as x)
(select array_concat_agg(x) from (select [1, 2] as x))
