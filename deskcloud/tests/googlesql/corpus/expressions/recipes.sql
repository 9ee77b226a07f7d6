abs(mod(farm_fingerprint('GA1.2.123'), 100)) < 80
cast(farm_fingerprint('x') as string)
to_hex(cast('abc' as bytes))
format('%02x', 10)
cast(round(safe_divide(1, 3) * 100, 2) as string)
round(100 * 1 / 3, 2)
concat(cast(round(12.3456, 1) as string), '%')
cast(floor(5.7) as int64)
cast(format('%.1f', 2.25) as float64)
ceil(datetime_diff(datetime '2024-01-02 12:00:00', datetime '2024-01-01 00:00:00', hour) / 24)
timestamp_micros(cast(1.7e15 as int64))
format_date('%Y-%m', parse_date('%Y%m%d', '20240131'))
date_diff(current_date(), current_date(), day)
timestamp_diff(current_timestamp(), current_timestamp(), day)
extract(hour from timestamp_micros(1612137600000000) at time zone 'Europe/London')
safe_cast(json_value('{"price": "12.50"}', '$.price') as numeric)
lower(trim(regexp_replace(' Shoes & Bags ', r'[^a-zA-Z]+', '_'), '_'))
regexp_extract('https://x.com/?gclid=abc&y=1', r'[?&]gclid=([^&]+)')
split('home/women/shoes', '/')[safe_offset(1)]
array_length(split('a/b/c', '/'))
array_reverse(split('a.b.c', '.'))[safe_offset(0)]
case when 5 between 1 and 5 then '1-5' when 5 > 5 then '6+' end
(select max(if(key = 'a', value, null)) from unnest([struct('a' as key, 1 as value), ('b', 2)]))
