"""Rewrite queries with clauses that DuckDB accepts in fewer places than GoogleSQL.

set operations    ORDER BY accepts any expression of the columns.
PIVOT             Column names begin with the aggregate, as in total_SPRING. A column for the number 1 is named _1.
SELECT AS STRUCT  In FROM and CREATE, the struct's fields become columns. Elsewhere, the struct is a single column.
"""

from collections.abc import Iterator
from typing import Any

from local_bigquery.sql.rules import STATEMENT_RULES, arrays
from local_bigquery.sql.rules.typing import FLOATS, kind
from sqlglot import exp

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Add the rules for PIVOT and for set operations to STATEMENT_RULES."""
    reason = "PIVOT names its columns after the value first"
    STATEMENT_RULES.insert(patching.position(STATEMENT_RULES, arrays, "checked_offsets", reason), _name_pivoted)
    STATEMENT_RULES.append(_order_sets)


def _order_sets(tree: exp.Expr, _: Any) -> exp.Expr:
    """If DuckDB refuses a sort key of a set operation, or the key may be NaN, move ORDER BY to an outer query."""
    for union in list(tree.find_all(exp.SetOperation)):
        order = union.args.get("order")
        keys = [one.this if isinstance(one, exp.Ordered) else one for one in order.expressions] if order else []
        if all(_is_plain(key) and not _is_float(union, key) for key in keys):
            continue
        inner = union.copy()
        outer = exp.Select(expressions=[exp.Star()])
        for name in ("order", "limit", "offset"):
            if part := inner.args.get(name):
                outer.set(name, part.copy())
                inner.set(name, None)
        outer.set(
            "from_", exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("_set"))))
        )
        if union is tree:
            return outer
        union.replace(outer)
    return tree


def _is_plain(key: exp.Expr) -> bool:
    return isinstance(key, exp.Literal) or (isinstance(key, exp.Column) and len(key.parts) == 1)


def _is_float(union: exp.SetOperation, key: exp.Expr) -> bool:
    select = union.this.unnest()
    while isinstance(select, exp.SetOperation):
        select = select.this.unnest()
    named = [one for one in select.expressions if one.alias_or_name.casefold() == key.name.casefold()]
    is_float = kind(key) in FLOATS or any(kind(one) in FLOATS or kind(one.unalias()) in FLOATS for one in named)
    if is_float:
        key.type = exp.DataType.build("DOUBLE")
    return is_float


def _name_pivoted(tree: exp.Expr, _: Any) -> exp.Expr:
    for pivot in list(tree.find_all(exp.Pivot)):
        source, fields = pivot.parent, pivot.args.get("fields") or []
        if pivot.args.get("unpivot") or len(fields) != 1 or source is None:
            continue
        renamed = [
            exp.alias_(exp.to_identifier(theirs, quoted=True), name, quoted=True)
            for theirs, name in _pivoted(pivot, fields[0].expressions)
            if theirs != name
        ]
        if not renamed:
            continue
        alias = pivot.args.get("alias")
        pivot.set("alias", None)
        select = exp.Select(expressions=[exp.Star(rename=renamed)])
        source.replace(exp.Subquery(this=select.from_(source.copy()), alias=alias))
    return tree


def _pivoted(pivot: exp.Pivot, values: list[exp.Expr]) -> Iterator[tuple[str, str]]:
    """Yield pairs of DuckDB's and GoogleSQL's column names. Columns with unknown names are left out."""
    aggregates = [one.alias for one in pivot.expressions]
    for value in values:
        text = str(value.this).lower() if isinstance(value, exp.Boolean) else value.alias_or_name or value.name
        if all(aggregates):
            yield from ((f"{text}_{name}", f"{name}_{text}") for name in aggregates)
        elif len(aggregates) == 1 and isinstance(value, exp.Literal) and value.is_int:
            yield text, f"_{text}"


def open_value_tables(tree: exp.Expr, _: Any) -> exp.Expr:
    """In FROM and CREATE, turn SELECT AS STRUCT into a plain SELECT. At the top level, make the struct one column."""
    for select in list(tree.find_all(exp.Select)):
        if select.args.get("kind") != "STRUCT":
            continue
        around = select.parent
        if isinstance(around, exp.CTE | exp.Create) or (
            isinstance(around, exp.Subquery) and isinstance(around.parent, exp.From | exp.Join)
        ):
            select.set("kind", None)
        elif select is tree:
            name = exp.to_identifier("f0_")
            alias = exp.TableAlias(this=exp.to_identifier("_value"), columns=[name.copy()])
            return exp.Select(expressions=[exp.column(name)]).from_(exp.Subquery(this=select, alias=alias))
    return tree
