"""Correct functions and operators whose results in DuckDB differ from GoogleSQL's.

After the corrections:

strings         CAST, CONCAT, FORMAT and TO_JSON_STRING write values as GoogleSQL does (value_texts.py).
times           Times and their formats are GoogleSQL's (clocks.py).
casts           STRINGs that are cast to INT64, BOOL, DATE or TIME are parsed as strictly as in GoogleSQL.
NaN             Comparisons with NaN are false, but != is true. MIN and LEAST are NaN if a value is NaN.
numbers         The number of digits or characters in ROUND, TRUNC, LPAD and RPAD may be any INT64 expression.
CHR             The argument may be any INT64 expression.
positions       SUBSTR treats position 0 as 1.
lengths         SUBSTR, LEFT, RIGHT and REPEAT refuse negative lengths.
overflow        EXP and POW fail on overflow, and SAFE_DIVIDE returns NULL. DuckDB returns infinity.
NUMERIC         Arithmetic, SAFE_DIVIDE, POW, SQRT and SIGN of NUMERIC are NUMERIC.
INT64           Rounding an INT64 gives a FLOAT64.
NULL            ARRAY_CONCAT and SPLIT return NULL if an argument is NULL.
SAFE            SAFE works even for functions that are translated into an expression.
"""

import re
from collections.abc import Callable
from typing import Any

import duckdb
from duckdb.func import SPECIAL
from local_bigquery.sql import native
from local_bigquery.sql.rules import NODE_RULES, STATEMENT_RULES, math, safe, strings, typing
from local_bigquery.sql.rules.typing import BYTES, DECIMALS, FLOATS, TEXT, kind
from sqlglot import exp

from deskcloud.bigquery.emulator import clocks, json_values, macros, patching, text_patterns, value_texts
from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator.macros import macro

_COMPARISONS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.GT: ("this",),
    exp.GTE: ("this",),
    exp.LT: ("expression",),
    exp.LTE: ("expression",),
    exp.EQ: ("this", "expression"),
}
# SAFE of these expressions becomes TRY, because they or their arguments can fail when the statement runs.
_REWRITTEN = (exp.Case, exp.If, exp.Cast, exp.Coalesce, exp.Substring, exp.Left, exp.Right, exp.Repeat)
# For values of the types in _PLAIN_TYPES, DuckDB's printf and GoogleSQL's FORMAT treat these specifiers alike.
_PLAIN = re.compile(r"%(?:%|[-+ 0]*\d*(?:\.\d+)?[dsf])")
_INTEGERS = exp.DataType.INTEGER_TYPES
_PLAIN_TYPES = {"d": _INTEGERS, "s": TEXT, "f": FLOATS}
_TEXT_MACROS = {"bq.main.to_json_string", "bq.main.lax_string"}


def add() -> None:
    """Add this module's rules and functions to local-bigquery's. Call this before a connection is opened."""
    native.FUNCTIONS.update(value_texts.FUNCTIONS)
    nodes = {"rules": NODE_RULES}
    patching.replace(strings, "float_to_string", _text_of, "CAST and CONCAT format values differently", **nodes)
    patching.replace(strings, "format_", _format, "FORMAT formats values differently", **nodes)
    patching.replace(typing, "nan_first", _ordered, "NaN is ordered last, and MIN ignores it", **nodes)
    patching.wrap(math, "division", _division, "a quotient of NUMERIC loses digits", **nodes)
    patching.wrap(safe, "safe_function", _safe, "SAFE fails with functions that become an expression", **nodes)
    patching.wrap(strings, "string_escapes", _keeping_type, "a literal with escapes loses its type", **nodes)
    position = patching.position(NODE_RULES, math, "decimal_type", "before types of NUMERIC are written")
    NODE_RULES[position:position] = [
        _typed,
        _byte_string,
        _concatenated,
        _from_text,
        _comparison,
        _positions,
        _numbers,
        _nulls,
        clocks.time_of,
    ]
    STATEMENT_RULES.extend([_between, _like_each])
    json_values.add(NODE_RULES, position)
    text_patterns.add(NODE_RULES)
    clocks.add()


def define(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros and the JSON functions on a new connection."""
    connection.execute(macros.MACROS)
    for name, (function, parameters, result) in json_values.FUNCTIONS.items():
        connection.create_function(name, function, parameters, result, null_handling=SPECIAL)


def _text_of(node: exp.Expr, _: Any) -> exp.Expr:  # noqa: PLR0911 - one case per type
    """Translate CAST(x AS STRING)."""
    if not isinstance(node, exp.Cast) or node.to.this not in TEXT or isinstance(node.this, exp.Literal):
        return node
    if strings._binary(node.this):  # noqa: SLF001 - no public name exists
        return exp.func("TRY", _decoded(node.this)) if isinstance(node, exp.TryCast) else _decoded(node.this)
    match kind(node.this):
        case one if one in FLOATS:
            return macro("_float_text", node.this)
        case one if one in DECIMALS:
            return macro("_decimal_text", node.this)
        case exp.DType.TIME | exp.DType.TIMESTAMP | exp.DType.TIMESTAMPTZ | exp.DType.DATETIME:
            return macro("_time_text", node)
        case exp.DType.STRUCT:
            # This STRUCT must represent a RANGE, because GoogleSQL can cast no other STRUCT to STRING.
            return macro("_text", node.this)
        case None | exp.DType.UNKNOWN:
            return macro("_text", node.this)
    return node


def _decoded(node: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="decode", expressions=[node])


def _concatenated(node: exp.Expr, context: Any) -> exp.Expr:
    """Convert the arguments of CONCAT and || to STRING."""
    if isinstance(node, exp.Concat):
        written = [_text_of(exp.cast(one, "VARCHAR"), context) if _is_written(one) else one for one in node.expressions]
        node.set("expressions", written)
    if (
        isinstance(node, exp.DPipe)
        and kind(node) in TEXT
        and any(isinstance(one, exp.Null) for one in node.find_all(exp.Null))
    ):
        return exp.cast(node.copy(), "VARCHAR")
    return node


def _is_written(node: exp.Expr) -> bool:
    return kind(node) in {*FLOATS, *DECIMALS, exp.DType.TIME, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ}


def _typed(node: exp.Expr, _: Any) -> exp.Expr:
    """Set the result type of macro calls that return a STRING."""
    if isinstance(node, exp.Anonymous) and node.name in _TEXT_MACROS:
        node.type = exp.DataType.build("VARCHAR")
    return node


def _byte_string(node: exp.Expr, _: Any) -> exp.Expr:
    r"""Read b'\xff' as one byte and b'\\xff' as four bytes.

    sqlglot has already decoded the escapes, so each character of the string is one byte.
    """
    if isinstance(node, exp.ByteString):
        return exp.Anonymous(this="from_hex", expressions=[exp.Literal.string(node.this.encode("latin-1").hex())])
    return node


def _from_text(node: exp.Expr, _: Any) -> exp.Expr:
    """Parse a STRING in CAST as strictly as GoogleSQL does."""
    if not isinstance(node, exp.Cast) or kind(node.this) not in TEXT:
        return node
    checked = {
        exp.DType.BIGINT: "_int_text",
        exp.DType.BOOLEAN: "_bool_text",
        exp.DType.DATE: "_date_text",
        exp.DType.TIMESTAMP: "_micros_text",
        exp.DType.TIMESTAMPTZ: "_micros_text",
        exp.DType.TIME: "_clock_text",
    }
    if _is_bignumeric(node.to):
        node.set("this", macro("_bignumeric_text", node.this))
    elif node.to.this in checked and not node.find(exp.Parameter, exp.Placeholder):
        node.set("this", macro(checked[node.to.this], node.this))
    if node.to.this in BYTES:
        encoded = exp.Anonymous(this="encode", expressions=[node.this])
        encoded.type = node.to
        return encoded
    return node


def _is_big(node: exp.Expr) -> bool:
    return kind(node) == exp.DType.BIGDECIMAL or (isinstance(node, exp.Cast) and _is_bignumeric(node.to))


def _is_bignumeric(kind: exp.DataType) -> bool:
    """Return whether a type is DECIMAL(38, 18), which represents BIGNUMERIC in DuckDB."""
    return kind.this == exp.DType.DECIMAL and [one.name for one in kind.expressions] == ["38", "18"]


def _format(node: exp.Expr, _: Any) -> exp.Expr:
    if not isinstance(node, exp.Format):
        return node
    template, values = node.this, node.expressions
    if isinstance(template, exp.Literal) and _is_plain(template.this, values):
        return exp.Anonymous(this="printf", expressions=[template, *values])
    contents = [exp.cast(exp.Anonymous(this="to_json", expressions=[one.copy()]), "VARCHAR") for one in values]
    kinds = [exp.Anonymous(this="typeof", expressions=[one.copy()]) for one in values]
    lists = [exp.cast(exp.Array(expressions=one), "VARCHAR[]", dialect="duckdb") for one in (contents, kinds)]
    return exp.Anonymous(this="_format_text", expressions=[template, *lists])


def _is_plain(template: str, values: list[exp.Expr]) -> bool:
    letters = [one[-1] for one in _PLAIN.findall(template) if one != "%%"]
    types = [_PLAIN_TYPES[one] for one in letters]
    return (
        "%" not in _PLAIN.sub("", template)
        and len(values) == len(types)
        and all(kind(one) in expected for one, expected in zip(values, types, strict=True))
    )


def _comparison(node: exp.Expr, _: Any) -> exp.Expr:
    """Make every comparison with NaN false, except for !=, which is true."""
    if isinstance(node, exp.Nullif) and _may_be_nan(node.this) and _may_be_nan(node.expression):
        equal = _comparison(exp.EQ(this=node.this.copy(), expression=node.expression.copy()), _)
        return exp.Case(ifs=[exp.If(this=equal, true=exp.null())], default=node.this)
    if isinstance(node, exp.NEQ):
        sides = [one for one in (node.this, node.expression) if _may_be_nan(one)]
        is_nan = [exp.func("isnan", one.copy()) for one in sides]
        return exp.Paren(this=exp.or_(node.copy(), *is_nan)) if len(is_nan) == 2 else node
    if isinstance(node, exp.In) and _may_be_nan(node.this):
        return exp.Paren(this=exp.and_(node.copy(), exp.not_(exp.func("isnan", node.this.copy()))))
    sides = [one for part in _COMPARISONS.get(type(node), ()) if _may_be_nan(one := node.args[part])]
    if not sides or (isinstance(node, exp.EQ) and (len(sides) < 2 or isinstance(node.parent, exp.Update))):
        return node
    return exp.Paren(this=exp.and_(node.copy(), exp.not_(exp.func("isnan", sides[0].copy()))))


def _between(tree: exp.Expr, _: Any) -> exp.Expr:
    """Rewrite BETWEEN as two comparisons if one of the numbers may be NaN."""
    for node in list(tree.find_all(exp.Between)):
        low, high = node.args["low"], node.args["high"]
        if any(_may_be_nan(one) for one in (node.this, low, high)):
            least = exp.GTE(this=node.this.copy(), expression=low.copy())
            most = exp.LTE(this=node.this.copy(), expression=high.copy())
            node.replace(exp.Paren(this=exp.And(this=least, expression=most)))
    return tree


def _like_each(tree: exp.Expr, _: Any) -> exp.Expr:
    """Rewrite LIKE ANY and LIKE ALL as single LIKEs, in which a backslash is an escape character."""
    for node in list(tree.find_all(exp.Like)):
        quantified = node.expression
        patterns = quantified.this if isinstance(quantified, exp.Any | exp.All) else None
        if isinstance(patterns, exp.Tuple | exp.Paren):
            given = patterns.expressions if isinstance(patterns, exp.Tuple) else [patterns.this]
            likes: list[exp.Expr] = [exp.Like(this=node.this.copy(), expression=one.copy()) for one in given]
            is_not = bool(node.args.get("negate"))
            join = exp.or_ if isinstance(quantified, exp.Any) else exp.and_
            if not any(isinstance(one, exp.Query | exp.Unnest) for one in given):
                # NOT LIKE ANY is true if at least one pattern does not match.
                joined = join(*(map(exp.not_, likes) if is_not else likes))
                node.replace(exp.paren(joined, copy=False))
    return tree


def _may_be_nan(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren | exp.Neg):
        node = node.this
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        return str(node.this.this).lower() == "nan"
    return bool(kind(node) in FLOATS) and not isinstance(node, exp.Literal)


def _positions(node: exp.Expr, _: Any) -> exp.Expr:
    match node:
        case exp.Substring() if strings._binary(node.this):  # noqa: SLF001 - no public name exists
            length = node.args.get("length") or exp.func("octet_length", node.this.copy())
            return macro("_bytes_part", node.this, node.args["start"], length)
        case exp.Substring():
            if not _is_positive(node.args["start"]):
                node.set("start", macro("_position", node.this.copy(), node.args["start"]))
            _not_negative(node, "length", "Third argument in SUBSTR()")
        case exp.Left() | exp.Right():
            _not_negative(node, "expression", f"Second argument in {node.key.upper()}()")
        case exp.Pad():
            _not_negative(node, "expression", "Second argument (output size) for LPAD/RPAD")
            _as_integer(node, "expression")
        case exp.Chr():
            node.set("expressions", [exp.cast(one, "INTEGER") for one in node.expressions])
        case exp.Unicode():
            return macro("_code_point", node.this)
        case exp.Repeat():
            _not_negative(node, "times", "Second argument (repeat count) for REPEAT")
    return node


def _is_positive(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and node.is_number and int(node.this) > 0


def _not_negative(node: exp.Expr, part: str, words: str) -> None:
    count = node.args.get(part)
    if (count is not None and not isinstance(count, exp.Literal)) or (
        isinstance(count, exp.Literal) and int(count.this) < 0
    ):
        node.set(part, macro("_count", count, exp.Literal.string(words)))


def _as_integer(node: exp.Expr, part: str) -> None:
    """Cast the argument `part` to 32 bits, because DuckDB's function does not accept 64 bits."""
    count = node.args.get(part)
    if count is not None and not isinstance(count, exp.Literal):
        node.set(part, exp.cast(count, "INTEGER"))


def _numbers(node: exp.Expr, _: Any) -> exp.Expr:  # noqa: C901, PLR0911 - one case per function
    match node:
        case exp.SafeDivide() if {kind(node.this), kind(node.expression)} & set(DECIMALS):
            return macro("_numeric_quotient", node.this, node.expression)
        case exp.SafeDivide():
            return macro("_safe_divide", node.this, node.expression)
        case exp.Pow() | exp.Sqrt() | exp.Sign() if kind(node.this) in DECIMALS:
            return _as_numeric(node.copy())
        case exp.Exp():
            return _finite(node, node.this)
        case exp.Pow() if not isinstance(node.this, exp.Literal) or not isinstance(node.expression, exp.Literal):
            return _finite(node, node.this, node.expression)
        case exp.Pow() if abs(float(node.expression.this)) > 10:
            return _finite(node, node.this, node.expression)
        case exp.Round() | exp.Ceil() | exp.Floor() | exp.Trunc() if _is_big(node.this):
            return exp.cast(node.copy(), exp.DataType.build("DECIMAL(38, 18)", dialect="duckdb"))
        case exp.Round() | exp.Ceil() | exp.Floor() | exp.Trunc() if kind(node.this) in _INTEGERS:
            node.set("this", exp.cast(node.this, "DOUBLE"))
            _as_integer(node, "decimals")
        case exp.Round() | exp.Trunc():
            _as_integer(node, "decimals")
        case exp.Mul() if kind(node) == exp.DType.DECIMAL:
            return _as_numeric(node.copy())
        case exp.Least() if len(node.expressions) == 1 and _may_be_nan(node.this) | _may_be_nan(node.expressions[0]):
            return macro("_least", node.this, node.expressions[0])
    return node


def _division(original: Callable[..., exp.Expr], node: exp.Expr, context: Any) -> exp.Expr:
    """Divide NUMERIC values without losing digits."""
    if isinstance(node, exp.Div) and kind(node) == exp.DType.DECIMAL and not node.args.get("safe"):
        quotient = macro("_numeric_quotient", node.this.copy(), node.expression.copy())
        checked: exp.Expr = math._nonzero(node, quotient)  # noqa: SLF001 - no public name exists
        return checked
    return original(node, context)


def _as_numeric(node: exp.Expr) -> exp.Expr:
    return exp.cast(node, exp.DataType.build("DECIMAL(38, 9)", dialect="duckdb"))


def _finite(node: exp.Expr, *arguments: exp.Expr) -> exp.Expr:
    finite = [exp.func("isfinite", exp.cast(one.copy(), "DOUBLE")) for one in arguments]
    return macro("_finite", node.copy(), exp.and_(*finite), exp.Literal.string(node.key.upper()))


def _nulls(node: exp.Expr, _: Any) -> exp.Expr:
    """Make ARRAY_CONCAT and SPLIT return NULL for a NULL argument, which DuckDB ignores."""
    match node:
        case exp.ArrayConcat():
            given = [one for one in (node.this, *node.expressions) if not isinstance(one, exp.Array)]
        case exp.Split():
            given = [one for one in [node.expression] if not isinstance(one, exp.Literal)]
        case _:
            return node
    missing = [exp.Is(this=one.copy(), expression=exp.null()) for one in given if one is not None]
    return exp.Case(ifs=[exp.If(this=exp.or_(*missing), true=exp.null())], default=node.copy()) if missing else node


def _ordered(node: exp.Expr, _: Any) -> exp.Expr:
    """Order NaN before all other numbers, as GoogleSQL does. DuckDB orders NaN last."""
    spec = node.parent.args.get("spec") if isinstance(node, exp.Order) and isinstance(node.parent, exp.Window) else None
    if not isinstance(node, exp.Order) or (spec is not None and _has_distance(spec)):
        return node
    keys = []
    for ordered in node.expressions:
        if isinstance(ordered, exp.Ordered) and types.is_range(ordered.this.type):
            ordered.set("this", macro("_range_key", ordered.this))
        if isinstance(ordered, exp.Ordered) and _may_be_nan(ordered.this):
            is_last = bool(ordered.args.get("desc")) is bool(ordered.args.get("nulls_first"))
            ranks: list[tuple[exp.Expr, int]] = [
                (exp.Is(this=ordered.this.copy(), expression=exp.null()), 3 if is_last else 0)
            ]
            ranks.append((exp.func("isnan", ordered.this.copy()), 1))
            cases = [exp.If(this=test, true=exp.Literal.number(rank)) for test, rank in ranks]
            rank = exp.Case(ifs=cases, default=exp.Literal.number(2))
            keys.append(exp.Ordered(this=rank, desc=ordered.args.get("desc")))
        keys.append(ordered)
    node.set("expressions", keys)
    return node


def _has_distance(spec: exp.Expr) -> bool:
    """Return whether a frame is a RANGE with a distance, e.g. 3 PRECEDING. Such a frame allows only one sort key."""
    ends = (spec.args.get("start"), spec.args.get("end"))
    return str(spec.args.get("kind")).upper() == "RANGE" and any(isinstance(end, exp.Expr) for end in ends)


def _keeping_type(original: Callable[..., exp.Expr], node: exp.Expr, context: Any) -> exp.Expr:
    """Copy the type of a literal to the literal's replacement."""
    made = original(node, context)
    if made is not node:
        made.type = node.type
    return made


def _safe(original: Callable[..., exp.Expr], node: exp.Expr, context: Any) -> exp.Expr:
    """Apply SAFE to the translation of a function, even if the translation is an expression and not a function call."""
    if isinstance(node, exp.SafeFunc) and (
        not isinstance(node.this, exp.Func)
        or isinstance(node.this, _REWRITTEN)
        or node.this.name in {"timezone", "bq.main._instant"}
    ):
        return exp.func("TRY", node.this)
    return original(node, context)
