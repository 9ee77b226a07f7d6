"""Define DuckDB macros that implement GoogleSQL functions. function_values.py inserts calls of these macros."""

from local_bigquery.sql import dialect
from sqlglot import exp

MACROS = r"""
CREATE OR REPLACE MACRO bq.main._decimal_text(x) AS
    CASE WHEN contains(x::VARCHAR, '.') THEN rtrim(rtrim(x::VARCHAR, '0'), '.') ELSE x::VARCHAR END;
CREATE OR REPLACE MACRO bq.main._float_text(x) AS CASE
    WHEN length(x::VARCHAR) < 16 AND NOT contains(x::VARCHAR, 'e') AND isfinite(x)
    THEN CASE WHEN ends_with(x::VARCHAR, '.0') THEN x::BIGINT::VARCHAR ELSE x::VARCHAR END
    WHEN isnan(x) THEN 'nan'
    WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'inf' ELSE '-inf' END
    WHEN x = 0 THEN '0'
    WHEN printf('%.15g', x)::DOUBLE = x THEN printf('%.15g', x)
    ELSE printf('%.17g', x) END;
CREATE OR REPLACE MACRO bq.main._time_text(t) AS CASE WHEN contains(t, '.') THEN
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(t,
        '\.(\d)(\D|$)', '.\100\2'), '\.(\d\d)(\D|$)', '.\10\2'),
        '\.(\d{4})(\D|$)', '.\100\2'), '\.(\d{5})(\D|$)', '.\10\2') ELSE t END;
CREATE OR REPLACE MACRO bq.main._range_key(r) AS CASE WHEN r IS NULL THEN NULL ELSE
    {'a': coalesce(r.__range_start, '-infinity'), 'b': coalesce(r.__range_end, 'infinity')} END;
CREATE OR REPLACE MACRO bq.main._range_text(s) AS replace(regexp_replace(s,
    '^\{''__range_start'': ''?(.*?)''?, ''__range_end'': ''?(.*?)''?\}$', '[\1, \2)'), 'NULL', 'UNBOUNDED');
CREATE OR REPLACE MACRO bq.main._text(x) AS CASE
    WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN bq.main._float_text(TRY_CAST(x::VARCHAR AS DOUBLE))
    WHEN starts_with(typeof(x), 'DECIMAL') THEN bq.main._decimal_text(x::VARCHAR)
    WHEN contains(typeof(x), '__range_start') THEN bq.main._time_text(bq.main._range_text(x::VARCHAR))
    WHEN typeof(x) IN ('TIME', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') THEN bq.main._time_text(x::VARCHAR)
    ELSE x::VARCHAR END;
CREATE OR REPLACE MACRO bq.main._is_same_json(content, kind) AS
    _is_plain_json(kind) AND NOT regexp_matches(content, '\\u|\d{16}');
CREATE OR REPLACE MACRO bq.main.to_json_string(x) AS CASE
    WHEN bq.main._is_same_json(to_json(x)::VARCHAR, typeof(x)) THEN to_json(x)::VARCHAR
    ELSE coalesce(_json_text(to_json(x)::VARCHAR, typeof(x), FALSE, TRUE), 'null') END,
    (x, pretty) AS coalesce(_json_text(to_json(x)::VARCHAR, typeof(x), pretty, TRUE), 'null');
CREATE OR REPLACE MACRO bq.main.to_json(x) AS
    coalesce(_json_text(to_json(x)::VARCHAR, typeof(x), FALSE, FALSE), 'null')::JSON;
CREATE OR REPLACE MACRO bq.main._int_text(s) AS CASE
    WHEN (contains(s, '.') OR contains(s, '_') OR contains(lower(s), 'e')) AND NOT contains(lower(s), 'x')
    THEN 'Bad int64 value: ' || s ELSE s END;
CREATE OR REPLACE MACRO bq.main._bignumeric_text(s) AS CASE
    WHEN length(rtrim(split_part(s, '.', 2), '0')) > 18
    THEN _raise('BIGNUMERIC with more than 18 digits after the point is not supported by the local BigQuery')::VARCHAR
    ELSE s END;
CREATE OR REPLACE MACRO bq.main._micros_text(s) AS CASE
    WHEN contains(s, '.') AND regexp_matches(s, '\.\d{7}')
    THEN _raise('Invalid timestamp: ''' || s || '''')::VARCHAR ELSE s END;
CREATE OR REPLACE MACRO bq.main._bool_text(s) AS
    CASE WHEN lower(s) IN ('true', 'false') THEN s ELSE 'Bad bool value: ' || s END;
CREATE OR REPLACE MACRO bq.main._date_text(s) AS
    CASE WHEN length(trim(s)) > 10 THEN 'Invalid date: ' || s ELSE s END;
CREATE OR REPLACE MACRO bq.main._clock_text(s) AS
    CASE WHEN starts_with(trim(s), '24') THEN 'Invalid time: ' || s ELSE s END;
CREATE OR REPLACE MACRO bq.main._instant(l, z) AS
    CASE WHEN timezone(z, timezone(z, l) - INTERVAL 1 HOUR) = l
    THEN timezone(z, l) - INTERVAL 1 HOUR ELSE timezone(z, l) END;
CREATE OR REPLACE MACRO bq.main._letters(s) AS regexp_replace(s, '[^A-Za-z]', '', 'g');
CREATE OR REPLACE MACRO bq.main.soundex(s) AS left(bq.main._letters(s), 1) || substr(bq.main._soundex(
    upper(bq.main._letters(s)), string_split(bq.main._soundex_code(left(upper(bq.main._letters(s)), 1), '0')
    || replace(bq.main._soundex_code(substr(upper(bq.main._letters(s)), 2), '-'), '-', ''), '')), 2);
CREATE OR REPLACE MACRO bq.main._position(s, p) AS CASE WHEN p = 0 OR p < -length(s) THEN 1 ELSE p END;
CREATE OR REPLACE MACRO bq.main._code_point(s) AS CASE WHEN s = '' THEN 0 ELSE unicode(s) END;
CREATE OR REPLACE MACRO bq.main._count(n, what) AS
    CASE WHEN n < 0 THEN CAST(_raise(what || ' cannot be negative') AS BIGINT) ELSE n END;
CREATE OR REPLACE MACRO bq.main._offset_of(n, what, least) AS CASE
    WHEN n IS NULL THEN CAST(_raise(what || ' must not be NULL') AS BIGINT)
    WHEN isnan(CAST(n AS DOUBLE)) OR n < least
    THEN CAST(_raise(what || CASE WHEN least > 0 THEN ' must be positive' ELSE ' must be non-negative' END) AS BIGINT)
    ELSE n END;
CREATE OR REPLACE MACRO bq.main._step(n) AS
    CASE WHEN n::BIGINT = 0 THEN _raise('Sequence step cannot be 0.')::BIGINT ELSE n::BIGINT END;
CREATE OR REPLACE MACRO bq.main.safe_convert_bytes_to_string(b) AS _decoded(b);
CREATE OR REPLACE MACRO bq.main._numeric_quotient(a, b) AS CASE
    WHEN b = 0 THEN NULL
    WHEN abs(a::DOUBLE / b) < 1e5 AND abs(a) < 1e5 AND abs(b) < 1e5 THEN (a::DOUBLE / b)::DECIMAL(38, 9)
    ELSE _divided(a::DECIMAL(38, 9), b::DECIMAL(38, 9)) END;
CREATE OR REPLACE MACRO bq.main._numeric_sum(x) AS CASE
    WHEN abs(x) > 99999999999999999999999999999.999999999::DECIMAL(38, 9)
    THEN CAST(_raise('numeric overflow: SUM') AS DECIMAL(38, 9)) ELSE x END;
CREATE OR REPLACE MACRO bq.main._bytes_part(b, p, n) AS
    unhex(substr(hex(b), 2 * bq.main._position(hex(b), p) - 1, 2 * bq.main._count(n, 'Third argument in SUBSTR()')));
CREATE OR REPLACE MACRO bq.main._finite(x, is_finite, what) AS
    CASE WHEN is_finite AND NOT isfinite(x) THEN CAST(_raise('Floating point error in function: ' || what) AS DOUBLE)
    ELSE x END;
CREATE OR REPLACE MACRO bq.main._safe_divide(a, b) AS
    CASE WHEN b <> 0 THEN CASE WHEN isinf(CAST(a AS DOUBLE) / b) AND isfinite(CAST(a AS DOUBLE))
    THEN NULL ELSE CAST(a AS DOUBLE) / b END END;
CREATE OR REPLACE MACRO bq.main.ieee_divide(a, b) AS CASE
    WHEN a IS NULL OR b IS NULL THEN NULL
    WHEN isnan(a::DOUBLE) OR isnan(b::DOUBLE) OR (a = 0 AND b = 0) THEN 'nan'::DOUBLE
    WHEN b <> 0 THEN a::DOUBLE / b
    WHEN a > 0 THEN 'inf'::DOUBLE ELSE '-inf'::DOUBLE END;
CREATE OR REPLACE MACRO bq.main.int64(j) AS CASE
    WHEN j IS NULL THEN NULL
    WHEN json_type(j) IN ('BIGINT', 'UBIGINT') THEN j::BIGINT
    WHEN json_type(j) = 'DOUBLE' AND j::DOUBLE = trunc(j::DOUBLE) THEN j::DOUBLE::BIGINT
    ELSE _raise('The provided JSON input is not an integer') END;
CREATE OR REPLACE MACRO bq.main.float64(j) AS CASE
    WHEN j IS NULL THEN NULL
    WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN j::DOUBLE
    ELSE _raise('The provided JSON input is not a number') END;
CREATE OR REPLACE MACRO bq.main.bool(j) AS CASE
    WHEN j IS NULL THEN NULL
    WHEN json_type(j) = 'BOOLEAN' THEN j::BOOLEAN
    ELSE _raise('The provided JSON input is not a boolean') END;
CREATE OR REPLACE MACRO bq.main._string(x) AS CASE
    WHEN typeof(x) <> 'JSON' THEN CAST(x AS VARCHAR)
    WHEN json_type(x::JSON) = 'VARCHAR' THEN json_extract_string(x::JSON, '$')
    WHEN x IS NULL THEN NULL
    ELSE _raise('The provided JSON input is not a string') END;
CREATE OR REPLACE MACRO bq.main.parse_numeric(s) AS CAST(_numeric_text(s, 9) AS DECIMAL(38, 9));
CREATE OR REPLACE MACRO bq.main.parse_bignumeric(s) AS CAST(_numeric_text(s, 18) AS DECIMAL(38, 18));
CREATE OR REPLACE MACRO bq.main._regexp_extract(s, pattern, p, n, g) AS CASE
    WHEN p < 1 THEN CAST(_raise('Position must be positive') AS VARCHAR)
    WHEN n < 1 THEN CAST(_raise('Occurrence must be positive') AS VARCHAR)
    WHEN p > length(s) AND NOT (p = 1 AND s = '') THEN NULL
    ELSE list_extract(regexp_extract_all(substr(s, p), pattern, g), n) END;
CREATE OR REPLACE MACRO bq.main._exact_json(s) AS CASE
    WHEN NOT _json_exact(s)
    THEN _raise('Invalid input to PARSE_JSON: a number cannot round-trip through string representation')::JSON
    ELSE _json_kept(s)::JSON END;
CREATE OR REPLACE MACRO bq.main.parse_json(s) AS bq.main._exact_json(s),
    (s, mode) AS CASE lower(mode) WHEN 'exact' THEN bq.main._exact_json(s) WHEN 'round' THEN _json_kept(s)::JSON
    ELSE _raise('Invalid wide_number_mode: ' || mode)::JSON END;
CREATE OR REPLACE MACRO bq.main.lax_string(j) AS CASE
    WHEN json_type(j) = 'VARCHAR' THEN json_extract_string(j, '$')
    WHEN json_type(j) = 'DOUBLE' THEN bq.main._float_text(j::DOUBLE)
    WHEN json_type(j) IN ('BIGINT', 'UBIGINT', 'BOOLEAN') THEN j::VARCHAR END;
CREATE OR REPLACE MACRO bq.main._millis(t) AS
    (epoch_us(t) - (epoch_us(t) % 1000 + 1000) % 1000) // 1000;
CREATE OR REPLACE MACRO bq.main._least(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN isnan(a) OR isnan(b) THEN 'nan'::DOUBLE ELSE least(a, b) END;
"""


def macro(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call of a macro of this module. `name` is the name without the schema `bq.main`."""
    made: exp.Expr = dialect.macro(name, *arguments)
    return made
