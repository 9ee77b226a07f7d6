"""Give a literal the type of the values with which it is combined.

If the literal 1.5 is combined with a NUMERIC value, the literal is a NUMERIC. DuckDB would convert the literal and the
value to FLOAT64. In `day IN ('2024-01-01')`, the literal is a DATE if `day` is a DATE.

Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#literal_coercion
"""

from collections.abc import Iterator
from typing import Any

from local_bigquery.sql.rules import STATEMENT_RULES, typing
from local_bigquery.sql.rules.typing import DECIMALS, FLOATS, TEXT, kind
from sqlglot import exp

_TIMES = {
    exp.DType.DATE: exp.DType.DATE,
    exp.DType.TIME: exp.DType.TIME,
    exp.DType.DATETIME: exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMP: exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPTZ: exp.DType.TIMESTAMPTZ,
}


def add() -> None:
    """Append this module's rules to STATEMENT_RULES, because they need the types that earlier rules infer."""
    STATEMENT_RULES.extend([_coerced, _in_times])


def _coerced(tree: exp.Expr, context: Any) -> exp.Expr:
    is_changed = False
    for cast in tree.find_all(exp.Cast):
        if cast.to.this in DECIMALS and _is_literal(cast.this):
            # Cast the text of the literal. A number would first become a FLOAT64 and lose digits.
            cast.set("this", exp.Literal.string(cast.this.sql()))
    for values in _groups(tree):
        kinds = {kind(one) for one in values if not _is_literal(one)}
        found = kinds & set(DECIMALS)
        if found and not kinds & FLOATS:
            wanted = max(found, key=list(DECIMALS).index)
            for one in values:
                if _is_literal(one):
                    cast = exp.cast(one.copy(), wanted)
                    cast.type = exp.DataType(this=wanted)
                    one.replace(cast)
                    is_changed = True
        times = {_TIMES[one] for one in kinds if one in _TIMES}
        if len(times) == 1 and kinds <= {*_TIMES, *TEXT}:
            for one in values:
                if isinstance(one, exp.Literal) and one.is_string:
                    one.replace(exp.cast(one.copy(), next(iter(times))))
                    is_changed = True
    return typing.annotate(tree, context) if is_changed else tree


def _in_times(tree: exp.Expr, _: Any) -> exp.Expr:
    for node in tree.find_all(exp.In):
        found = kind(node.this)
        if found in _TIMES:
            for one in node.expressions:
                if isinstance(one, exp.Literal) and one.is_string:
                    one.replace(exp.cast(one.copy(), _TIMES[found]))
    return tree


def _groups(tree: exp.Expr) -> Iterator[list[exp.Expr]]:
    """Yield the groups of values that must have the same type."""
    for union in tree.find_all(exp.SetOperation):
        if not isinstance(union.parent, exp.SetOperation):
            selects = list(_selects(union))
            if not any(one.is_star for select in selects for one in select.expressions):
                columns = zip(*(select.expressions for select in selects), strict=False)
                yield from ([one.unalias() for one in column] for column in columns)
    for node in tree.find_all(exp.Array, exp.Coalesce, exp.Case, exp.If, exp.Least, exp.Greatest):
        values = _values(node)
        yield [one.unnest() for one in values if one is not None and not isinstance(one, exp.Null)]


def _selects(node: exp.Expr) -> Iterator[exp.Select]:
    node = node.unnest()
    if isinstance(node, exp.SetOperation):
        yield from _selects(node.this)
        yield from _selects(node.expression)
    elif isinstance(node, exp.Select):
        yield node


def _values(node: exp.Expr) -> list[exp.Expr | None]:
    match node:
        case exp.Case():
            return [*(one.args.get("true") for one in node.args["ifs"]), node.args.get("default")]
        case exp.If():
            return [] if isinstance(node.parent, exp.Case) else [node.args.get("true"), node.args.get("false")]
        case exp.Array():
            return list(node.expressions)
    return [node.this, *node.expressions]


def _is_literal(node: exp.Expr) -> bool:
    if isinstance(node, exp.Neg):
        node = node.this
    return isinstance(node, exp.Literal) and not node.is_string and not node.is_int
