"""Correct aggregate and window functions whose results in DuckDB differ from GoogleSQL's.

After the corrections:

MIN, MAX        of ranges treat a missing start or end as unbounded
MIN             is NaN if a value is NaN
CORR            of a single row is NULL
STRING_AGG      of BYTES is BYTES; a NULL separator is an error
LAG, LEAD       refuse a NULL or negative offset; so do window frames
NTH_VALUE       refuses NULL and numbers below 1; so does NTILE
COUNT           over an empty frame is 0, where DuckDB returns a negative number
AVG             of NUMERIC keeps all digits
SUM             of NUMERIC fails if the sum has more than 29 digits before the decimal point
PERCENTILE_CONT refuses RESPECT NULLS; so does PERCENTILE_DISC
"""

from typing import Any

from local_bigquery.errors import BigQueryError
from local_bigquery.sql.rules import STATEMENT_RULES, query
from local_bigquery.sql.rules.typing import BYTES, FLOATS, kind
from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.checks import unsupported
from deskcloud.bigquery.emulator.macros import macro

# Functions with an argument that must not be NULL or below a minimum. Each has three values: the argument's key in
# sqlglot's node, the argument's name in error messages, and the minimum.
_OFFSETS: dict[type[exp.Expr], tuple[str, str, int]] = {
    exp.Lag: ("offset", "The offset to the function LAG", 0),
    exp.Lead: ("offset", "The offset to the function LEAD", 0),
    exp.NthValue: ("offset", "The N value for the NthValue function", 1),
    exp.Ntile: ("this", "The N value (number of buckets) for the NTILE function", 1),
}


def add() -> None:
    """Add this module's rules to STATEMENT_RULES, and remove the rule of local-bigquery that the new rules replace."""
    # The replaced rule does not look at types and therefore mistakes strings for BYTES.
    patching.remove(STATEMENT_RULES, query, "byte_string_aggregates", "takes texts for BYTES")
    STATEMENT_RULES.extend(
        [
            _separators,
            _of_bytes,
            _numeric_sums,
            _numeric_averages,
            _exceptions,
            _ranges,
            _offsets,
            _empty_frames,
            _percentiles,
        ]
    )


def _exceptions(tree: exp.Expr, _: Any) -> exp.Expr:
    """Make MIN return NaN if a value is NaN, and make CORR of a single row return NULL."""
    for node in list(tree.find_all(exp.Min, exp.Corr)):
        if isinstance(node, exp.Min) and kind(node.this) not in FLOATS:
            continue
        whole = node.parent if isinstance(node.parent, exp.Window) else node
        is_min = isinstance(node, exp.Min)
        counted = (
            exp.Anonymous(this="bool_or", expressions=[exp.func("isnan", node.this.copy())])
            if is_min
            else exp.Anonymous(this="regr_count", expressions=[node.this.copy(), node.expression.copy()])
        )
        found: exp.Expr = counted
        if whole is not node:
            found = whole.copy()
            found.set("this", counted)
        test = found if is_min else exp.LT(this=found, expression=exp.Literal.number(2))
        value = exp.cast(exp.Literal.string("nan"), "DOUBLE") if is_min else exp.null()
        replaced = exp.Case(ifs=[exp.If(this=test, true=value)], default=whole.copy())
        replaced.type = whole.type
        whole.replace(replaced)
    return tree


def _ranges(tree: exp.Expr, _: Any) -> exp.Expr:
    """For MIN and MAX, order a RANGE without a start first and a RANGE without an end last."""
    for node in list(tree.find_all(exp.Min, exp.Max)):
        value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        if types.is_range(value.type):
            name = "arg_min" if isinstance(node, exp.Min) else "arg_max"
            made = exp.Anonymous(this=name, expressions=[value.copy(), macro("_range_key", value.copy())])
            made.type = value.type
            node.replace(made)
    return tree


def _separators(tree: exp.Expr, context: Any) -> exp.Expr:
    for node in tree.find_all(exp.GroupConcat):
        given = node.args.get("separator")
        if isinstance(given, exp.Parameter) and context.values.get(given.name, "") is None:
            raise BigQueryError("invalidQuery", "Illegal NULL separator in STRING_AGG")
    return tree


def _of_bytes(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in list(tree.find_all(exp.GroupConcat)):
        value = query._values(node.this)  # noqa: SLF001 - no public name exists
        if isinstance(value, exp.Distinct):
            value = value.expressions[0]
        separator = node.args.get("separator")
        if not any(query._bytes(one) or (one is not None and kind(one) in BYTES) for one in (value, separator)):  # noqa: SLF001
            continue
        whole = node.parent if isinstance(node.parent, exp.Window) else node
        order = node.this if isinstance(node.this, exp.Order) else None
        for ordered in order.expressions if order else []:
            if ordered.this == value:
                ordered.set("this", exp.func("hex", value.copy()))
        value.replace(exp.func("hex", value.copy()))
        node.set("separator", exp.func("hex", separator.copy() if separator else exp.Literal.string(",")))
        whole.replace(exp.func("from_hex", whole.copy()))
    return tree


def _offsets(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in tree.find_all(*_OFFSETS):
        part, what, least = _OFFSETS[type(node)]
        if (given := node.args.get(part)) is not None:
            node.set(part, _checked(given, what, least))
    for spec in tree.find_all(exp.WindowSpec):
        for end in ("start", "end"):
            if isinstance(given := spec.args.get(end), exp.Expr) and not given.find(exp.Interval):
                spec.set(end, _checked(given, "Window frame offset for PRECEDING or FOLLOWING", 0))
    return tree


def _checked(value: exp.Expr, what: str, least: int) -> exp.Expr:
    """Refuse NULL and values below `least`. A literal is checked now, any other value when the statement runs."""
    bare = value.this if isinstance(value, exp.Neg) else value
    if isinstance(bare, exp.Literal):
        number = float(bare.this) * (1 if bare is value else -1)
        if number < least:
            raise BigQueryError("invalidQuery", f"{what} must be {'positive' if least else 'non-negative'}")
        return value
    made: exp.Expr = macro("_offset_of", value, exp.Literal.string(what), exp.Literal.number(least))
    return made


def _empty_frames(tree: exp.Expr, _: Any) -> exp.Expr:
    for window in list(tree.find_all(exp.Window)):
        spec = _frame(window)
        sides = [str(spec.args.get(side)).upper() for side in ("start_side", "end_side")] if spec else []
        if sides in (["PRECEDING"] * 2, ["FOLLOWING"] * 2) and isinstance(window.this, exp.Count):
            window.replace(exp.Anonymous(this="greatest", expressions=[window.copy(), exp.Literal.number(0)]))
    return tree


def _frame(window: exp.Window) -> exp.Expr | None:
    """Return the frame of a window. A named window is looked up in the query."""
    name = window.args.get("alias")
    if name is None:
        return window.args.get("spec")
    select = window.find_ancestor(exp.Select)
    named = select.args.get("windows") or [] if select else []
    return next((one.args.get("spec") for one in named if one.this.name.casefold() == name.name.casefold()), None)


def _numeric_averages(tree: exp.Expr, _: Any) -> exp.Expr:
    """Replace AVG of NUMERIC by the sum divided by the count, because an average in FLOAT64 would lose digits."""
    for node in list(tree.find_all(exp.Avg)):
        value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        if kind(value) == exp.DType.DECIMAL:
            whole = node.parent if isinstance(node.parent, exp.Window) else node
            parts = []
            for function in (exp.Sum, exp.Count):
                part = function(this=node.this.copy())
                part.type = value.type if function is exp.Sum else "INT64"
                parts.append(_over(whole, part))
            quotient = macro("_numeric_quotient", *parts)
            quotient.type = value.type
            whole.replace(quotient)
    return tree


def _over(whole: exp.Expr, aggregate: exp.Expr) -> exp.Expr:
    """Return `aggregate` with the same window (OVER) as `whole`. If `whole` has no window, return `aggregate`."""
    if not isinstance(whole, exp.Window):
        return aggregate
    made = whole.copy()
    made.set("this", aggregate)
    return made


def _numeric_sums(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in list(tree.find_all(exp.Sum)):
        if kind(node) == exp.DType.DECIMAL:
            whole = node.parent if isinstance(node.parent, exp.Window) else node
            checked = macro("_numeric_sum", whole.copy())
            checked.type = node.type
            whole.replace(checked)
    return tree


def _percentiles(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in tree.find_all(exp.RespectNulls):
        if isinstance(node.this, exp.PercentileCont | exp.PercentileDisc):
            raise unsupported("PERCENTILE_CONT or PERCENTILE_DISC with RESPECT NULLS")
    return tree
