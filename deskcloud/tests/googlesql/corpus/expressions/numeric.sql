numeric '1.5'
numeric '1.50' + numeric '1.5'
numeric '1' / numeric '3'
numeric '10' / 4
cast(1.1 as numeric)
cast('1.10' as numeric)
cast(' 1.5 ' as numeric)
cast(1 as numeric) / 3
cast('123456789.123456789' as numeric)
cast('99999999999999999999999999999.999999999' as numeric)
cast(numeric '1.5' as int64)
cast(numeric '2.5' as int64)
cast(numeric '-1.5' as int64)
cast(numeric '1.25' as float64)
cast('1.0000000005' as numeric)
cast(0.1 as numeric)
numeric '1.5' * 2
numeric '1.5' * 2.0
numeric '1.5' + 1
numeric '1.000000001' * numeric '1.000000001'
round(numeric '1.255', 2)
round(numeric '1.5')
round(numeric '-2.5')
trunc(numeric '1.259', 2)
ceil(numeric '1.2')
floor(numeric '-1.2')
abs(numeric '-1.5')
sign(numeric '-1.5')
mod(numeric '7.5', numeric '2')
div(numeric '7.5', numeric '2')
power(numeric '2', 3)
sqrt(numeric '16')
greatest(numeric '1.5', 2)
safe_divide(numeric '1', 0)
safe_divide(numeric '1', 3)
numeric '1.5' > 1
numeric '1.5' = 1.5
numeric '0.1' + numeric '0.2' = numeric '0.3'
parse_numeric('1.5')
parse_numeric(' - 12.34 ')
parse_numeric('1,234.5')
parse_numeric('12.34-')
safe_cast('x' as numeric)
safe_cast('1e2' as numeric)
bignumeric '1.5'
bignumeric '0.12345678901234567890123456789012345678'
bignumeric '1' / bignumeric '3'
cast('1.5' as bignumeric)
bignumeric '1.5' * 2
bignumeric '123456789012345678901234567890.5' + 1
cast(bignumeric '1.5' as string)
cast(bignumeric '1.5' as numeric)
round(bignumeric '1.255', 2)
numeric '1.5' + bignumeric '1.5'
if(true, numeric '1.5', 1)
coalesce(null, numeric '2')
[numeric '1.5', 2]
if(false, 1, 2.5)
[numeric '1', 2.5]
if(true, numeric '1', 2.5)
coalesce(numeric '1.1', 2.5)
case when false then 1.5 else numeric '2' end
least(numeric '1', 0.5)
cast(9999999999999999999999999999.999999999 as numeric)
cast(-1.5e3 as numeric)
numeric '99999999999999999999999999999.999999999' / 2
safe_divide(numeric '2', numeric '3')
cast('1.5' as bignumeric)
