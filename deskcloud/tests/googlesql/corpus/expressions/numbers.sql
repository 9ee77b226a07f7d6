1 + 2
7 / 2
-7 / 2
div(7, 2)
div(-7, 2)
mod(7, 3)
mod(-7, 3)
mod(7, -3)
9 * div(12, 10)
1 / 3
2 * 3.5
1e3
.5 + 1
-5 - -3
9223372036854775807
-9223372036854775808
0xff
abs(-5)
abs(-5.5)
sign(-2)
sign(0.0)
-- Functions that round numbers. A half is rounded away from zero.
round(2.5)
round(-2.5)
round(1.235, 2)
round(1234.5, -2)
round(15, -1)
round(5)
trunc(2.7)
trunc(-2.7)
trunc(1.239, 2)
trunc(1234.5, -2)
ceil(1.2)
ceil(-1.2)
ceiling(2)
floor(1.8)
floor(-1.2)
floor(3)
-- Mathematical functions.
power(2, 10)
pow(2, 0.5)
pow(0, 0)
pow(2, -1)
sqrt(16)
exp(1)
exp(0)
ln(2.718281828459045)
log(100, 10)
log(8, 2)
log10(1000)
log(10)
cbrt(27)
sin(1)
cos(1)
tan(1)
asin(1)
acos(1)
atan(1)
atan2(1, 2)
sinh(1)
greatest(1, 2.5, 2)
greatest(1, null, 3)
least(3, 1, 2)
least('b', 'a')
bit_count(255)
5 & 3
5 | 3
5 ^ 3
~5
1 << 4
256 >> 2
-8 >> 1
range_bucket(20, [0, 10, 20, 30])
range_bucket(-1, [0, 10])
-- Computations that can fail.
safe_divide(1, 0)
safe_divide(1, 2)
safe_divide(0, 0)
safe_divide(1e308, 1e-10)
safe_divide(null, 1)
safe_add(9223372036854775807, 1)
safe_subtract(-9223372036854775808, 1)
safe_multiply(9223372036854775807, 2)
safe_multiply(2, 3)
safe_negate(-9223372036854775808)
ieee_divide(1, 0)
ieee_divide(-1, 0)
ieee_divide(0, 0)
ieee_divide(1, 4)
safe.ln(0)
safe.ln(-1)
safe.sqrt(-1)
safe.pow(10, 400)
safe.exp(1000)
safe.log(0, 10)
safe.div(1, 0)
safe.mod(5, 0)
nullif(0, 0)
10 / nullif(0, 0)
coalesce(safe_divide(5, 0), 0)
-- Computations with NaN and infinity.
cast('nan' as float64)
cast('inf' as float64)
cast('-inf' as float64)
cast('nan' as float64) = cast('nan' as float64)
cast('nan' as float64) < 1
cast('nan' as float64) > 1
cast('nan' as float64) != 1
cast('inf' as float64) > 1e308
is_nan(cast('nan' as float64))
is_nan(1)
is_inf(cast('-inf' as float64))
greatest(1.0, cast('nan' as float64))
least(1.0, cast('nan' as float64))
cast('nan' as float64) + 1
cast('inf' as float64) - cast('inf' as float64)
cast('nan' as float64) between 0 and 1
if(cast('nan' as float64) > 0, 'greater', 'not')
case when cast('nan' as float64) <= 1 then 1 else 2 end
cast('nan' as float64) in (1.0, cast('nan' as float64))
round(cast('nan' as float64))
abs(cast('-inf' as float64))
sign(cast('nan' as float64))
-- Comparisons of numbers of different types.
1 = 1.0
0.1 + 0.2 = 0.3
cast(1 as numeric) = 1
0.0 = -0.0
