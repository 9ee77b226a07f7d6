-- Positions begin at 1; 0 and what lies outside the string are cut off.
substr('abc', 0, 1)
substr('abc', 1, 2)
substr('abc', -2)
substr('abc', -5, 3)
substr('abc', 5)
substr('abc', 2, 0)
substr('äöü', 2, 1)
substring('abcdef', 3, 2)
left('abc', 2)
left('abc', 10)
right('abc', 2)
right('abc', 10)
length('äöü')
byte_length('äöü')
char_length('abc')
octet_length('äö')
strpos('foo bar', 'bar')
strpos('foo', 'x')
strpos('foo', '')
instr('banana', 'an')
instr('banana', 'an', 3)
instr('banana', 'an', -1)
instr('banana', 'an', 1, 2)
-- Changing strings.
upper('straße')
lower('ÄB')
initcap('hello wORLD-wide web')
trim('  a b  ')
trim('xxaxx', 'x')
ltrim('xyxa', 'xy')
rtrim('axyx', 'xy')
lpad('abc', 5)
lpad('abc', 5, 'xy')
lpad('abc', 2)
rpad('abc', 7, 'xy')
rpad('abc', 2, 'x')
repeat('ab', 3)
repeat('ab', 0)
replace('banana', 'an', 'o')
replace('banana', '', 'x')
reverse('abä')
translate('banana', 'an', 'o')
concat('a', 'b', 'c')
concat('a', null)
'a' || 'b'
'a' || cast(null as string)
-- Splitting and joining.
split('a,b,c')
split('a,b,c', ',')
split('a--b', '--')
split('', ',')
split('abc', '')
split(cast(null as string), ',')
split('a,b', cast(null as string))
split('a,b,c', ',')[offset(1)]
split('a,b,c', ',')[safe_offset(5)]
array_to_string(['a', 'b'], '-')
array_to_string(['a', null, 'b'], '-')
array_to_string(['a', null, 'b'], '-', '?')
array_to_string(cast([] as array<string>), ',')
-- Comparing.
starts_with('foobar', 'foo')
starts_with('foobar', '')
ends_with('foobar', 'bar')
'abc' like 'a%'
'abc' like '_b_'
'a%c' like 'a\\%c'
'abc' not like '%d'
'a' < 'B'
'a' between 'a' and 'b'
'abc' in ('x', 'abc')
'abc' in ('x', null)
'abc' not in ('x', 'y')
'abc' like any ('x%', 'a%')
'abc' like all ('a%', '%c')
soundex('Robert')
-- Characters and bytes.
ascii('A')
chr(65)
chr(8364)
unicode('â')
to_code_points('aä')
code_points_to_string([65, 228])
to_hex(b'\x00\xff')
from_hex('00ff')
to_base64(b'abc')
from_base64('YWJj')
safe_convert_bytes_to_string(b'abc')
cast('ä' as bytes)
cast(b'abc' as string)
b'abc' || b'd'
length(b'abc')
substr(b'abc', 2, 1)
to_hex(md5('abc'))
to_hex(sha1('abc'))
to_hex(sha256('abc'))
farm_fingerprint('foo')
farm_fingerprint(concat('a', '-', '1'))
mod(abs(farm_fingerprint('visitor')), 10)
normalize('e\u0301')
normalize_and_casefold('The RED Barn')
-- Literals.
"double"
'a\tb\nc'
r'a\b'
'\u00e4\x41\101'
'say "hi"'
