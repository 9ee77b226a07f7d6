-- Calls of functions whose arguments contain operators.
div(1 + 9, 4)
div(20, 1 + 4)
div(1 + 9, 1 + 3)
div(-7 + 1, 2) * 3
div(1 * 3 + 99, 100)
div(numeric '1' + 9, 4)
div(div(100, 1 + 2), 1 + 1)
10 - div(7 + 2, 3)
mod(1 + 9, 4)
mod(20, 1 + 4)
mod(-7 + 1, 4) * 3
mod(mod(17, 4 + 5), 1 + 2)
safe_divide(1 + 9, 1 + 3)
safe_divide(1 + 9, 1 - 1)
ieee_divide(1 + 9, 1 + 3)
ieee_divide(2 - 1, 1 - 1)
pow(1 + 2, 1 + 1)
pow(2, 1 + 2) * 2
power(-1 + 3, 2)
safe_add(1 + 2, 3 * 4)
safe_subtract(1 + 2, 3 - 4)
safe_multiply(1 + 2, 3 + 4)
safe_negate(1 + 2)
abs(1 - 5) + 1
sign(1 - 5) * 2
round(1.25 + 1, 1 + 0)
trunc(10.75 - 1, 0 + 1)
ceil(1.2 + 1) - 1
log(50 + 50, 5 + 5)
greatest(1 + 1, 5 - 1) * 2
least(1 + 1, 5 - 1) - 2
bit_count(1 + 2) + 1
(1 + 2) & (3 + 4)
1 + 2 | 4 + 8
1 << 1 + 1
~(1 + 2)
if(1 = 2 or 2 = 2, 1 + 1, 2 + 2) * 3
nullif(1 + 1, 4 - 2)
ifnull(null, 1 + 1) * 2
coalesce(null, 1 - 5, 2) * 2
not ifnull(null, 1 = 2)
case when 1 + 1 = 2 and not 1 = 2 then 1 - 5 else 2 end * 2
1 + 1 between 3 - 2 and 4 - 1
1 + 1 in (5 - 3, 4 * 2)
1 + 1 is null
concat('a' || 'b', 'c' || 'd')
substr('a' || 'bcdef', 1 + 1, 1 + 2)
left('a' || 'bc', 1 + 1)
right('a' || 'bc', 3 - 1)
repeat('a' || 'b', 1 + 1)
lpad('a' || 'b', 2 + 3, 'x' || 'y')
rpad('a' || 'b', 2 + 3, 'x' || 'y')
strpos('a' || 'bc', 'b' || 'c') + 1
instr('a' || 'bcb', 'b' || '', 1 + 1)
starts_with('a' || 'bc', 'a' || 'b')
not ends_with('a' || 'bc', 'b' || 'c')
length('a' || 'bc') - 1
upper('a' || 'b') || 'c'
replace('a' || 'ba', 'a' || '', 'x' || 'y')
split('a,b' || ',c', ',' || '')
regexp_contains('a' || 'bc', 'b' || 'c')
regexp_replace('a' || 'bc', 'b' || 'c', 'x' || 'y')
regexp_extract('a' || 'bc', 'b' || '.')
cast(1 + 1 as string) || 'a'
cast('1' || '2' as int64) * 2
cast(1 + 1 as float64) / 4
safe_cast('1' || 'x' as int64)
cast(1 - 1 as bool) or 1 = 2
date_add(date '2020-01-31', interval 1 + 1 day)
date_sub(date '2020-01-31', interval 2 * 3 day)
date_add(date '2020-01-31', interval -1 + 2 month)
date_diff(date '2020-01-31' + 1, date '2020-01-01' - 1, day) * 2
date_trunc(date '2020-01-31' + 1, month)
timestamp_add(timestamp '2020-01-01 00:00:00+00', interval 60 * 2 second)
timestamp_sub(timestamp '2020-01-01 00:00:00+00', interval 1 + 1 hour)
timestamp_diff(timestamp '2020-01-02 00:00:00+00', timestamp '2020-01-01 00:00:00+00', hour) - 4
datetime_add(datetime '2020-01-01 00:00:00', interval 1 + 1 minute)
date '2020-01-31' + (1 + 1)
date '2020-01-31' - 1 - 1
extract(day from date '2020-01-31' + 1) + 1
unix_date(date '1970-01-02' + 1) * 2
timestamp_seconds(1 + 1)
unix_seconds(timestamp_seconds(1 + 1)) - 1
format('%d', 1 + 1) || 'a'
[1 + 1, 2 * 3][offset(2 - 1)]
[1, 2, 3][safe_offset(1 + 5)]
array_length([1, 2] || [3]) + 1
array_to_string(['a' || 'b', 'c'], ',' || ' ')
generate_array(1 + 1, 2 * 3, 3 - 1)
array_concat([1 + 1], [2 * 3])
array_reverse([1 + 1, 2 * 3])
to_json_string([1 + 1, 2 * 3])
json_value('{"a":' || '1}', '$.a') || 'x'
to_hex(cast('a' || 'b' as bytes))
md5('a' || 'b') = md5('ab')
farm_fingerprint('a' || 'b') = farm_fingerprint('ab')
struct(1 + 1 as x).x * 2
(select 1 + 1) * 2
exists(select 1 from unnest([1 + 1]) as x where x = 2) and 1 = 1
range_bucket(1 + 4, [0, 1 + 3, 10]) + 1
chr(96 + 1)
(select round(x, n) from unnest([struct(2.345 as x, 1 as n)]))
(select lpad(x, n + 4, 'x') from unnest([struct('ab' as x, 1 as n)]))
(select rpad(x, n, 'x') from unnest([struct('ab' as x, 1 as n)]))
(select chr(n) from unnest([97]) as n)
(select substr(x, n, n) from unnest([struct('ab' as x, 1 as n)]))
(select repeat(x, n) from unnest([struct('ab' as x, 2 as n)]))
