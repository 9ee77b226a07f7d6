"""Resolve names as GoogleSQL does if the select list and FROM both contain a name.

In these clauses, GoogleSQL uses the select list first, and DuckDB uses FROM first:

GROUP BY    For a bare name.
HAVING      For a name inside an aggregate. DuckDB handles all other names correctly.
QUALIFY     For any name.
ORDER BY    For any name. DuckDB resolves a bare name correctly, but our rule for NaN makes the name an expression.

WHERE, windows and the select list itself see only the names of FROM, in GoogleSQL and in DuckDB.

The column of a path such as `a.b` has the name of the path's last part, `b`. DuckDB uses the same name, but does not
accept this name in ORDER BY.
"""

from collections.abc import Iterator

from local_bigquery.errors import BigQueryError
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types

_GROUPING = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple, exp.Paren)


def prefer(tree: exp.Expr, context: Context) -> exp.Expr:
    """If FROM and the select list contain the same name, replace uses of the name by the select list's expression."""
    for select in list(tree.find_all(exp.Select)):
        _name_paths(select)
        named = _named(select)
        if not named:
            continue
        if group := select.args.get("group"):
            _group(select, group, named)
        inside = [] if select.args.get("distinct") else _order_keys(select)
        inside += list(having.find_all(exp.AggFunc)) if (having := select.args.get("having")) else []
        inside += [qualify] if (qualify := select.args.get("qualify")) else []
        columns = [column for part in inside for column in _bare_columns(part) if column.name.casefold() in named]
        hidden = {column.name.casefold() for column in columns}
        hidden = {name for name in hidden if _hides(select, name, named[name][0], context)}
        for column in columns:
            if column.name.casefold() in hidden:
                column.replace(exp.paren(_only(named, column).copy(), copy=False))
    return tree


def _name_paths(select: exp.Select) -> None:
    for one in list(select.expressions):
        is_path = isinstance(one, exp.Dot) or (isinstance(one, exp.Column) and len(one.parts) > 1 and not one.is_star)
        if is_path and (name := _name(one)):
            named = exp.alias_(one.copy(), name, quoted=True)
            named.type = one.type
            one.replace(named)


def _named(select: exp.Select) -> dict[str, list[exp.Expr]]:
    """Map each name of the select list to the expressions with this name. Leave out each column that keeps its name."""
    named: dict[str, list[exp.Expr]] = {}
    for one in select.expressions:
        name, value = _name(one).casefold(), one.unalias()
        is_itself = isinstance(value, exp.Column) and len(value.parts) == 1 and value.name.casefold() == name
        if name and not one.is_star and not is_itself:
            named.setdefault(name, []).append(value)
    return named


def _name(one: exp.Expr) -> str:
    """Return the name of an expression in a select list.

    The name of a path is its last part. An expression without a name gives "".
    """
    if isinstance(one, exp.Alias | exp.Column):
        return one.alias_or_name
    return one.expression.name if isinstance(one, exp.Dot) and isinstance(one.expression, exp.Identifier) else ""


def _group(select: exp.Select, group: exp.Group, named: dict[str, list[exp.Expr]]) -> None:
    for column in list(_grouped(group)):
        if column.name.casefold() not in named:
            continue
        value = _only(named, column)
        before = [one for one in select.expressions if one.unalias() is not value]
        is_counted = select.args.get("kind") is None and not any(one.is_star for one in before)
        position = next(number for number, one in enumerate(select.expressions, 1) if one.unalias() is value)
        column.replace(exp.Literal.number(position) if is_counted else value.copy())


def _grouped(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the bare names in a GROUP BY clause."""
    for value in node.args.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Column) and len(one.parts) == 1:
                yield one
            elif isinstance(one, _GROUPING):
                yield from _grouped(one)


def _only(named: dict[str, list[exp.Expr]], column: exp.Column) -> exp.Expr:
    first, *others = named[column.name.casefold()]
    if any(other != first for other in others):
        words = f"Name {column.name} is ambiguous; it may refer to multiple columns in the SELECT-list"
        raise BigQueryError("invalidQuery", words)
    return first


def _order_keys(select: exp.Select) -> list[exp.Expr]:
    order = select.args.get("order")
    return [one.this if isinstance(one, exp.Ordered) else one for one in order.expressions] if order else []


def _bare_columns(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the bare names in an expression, but not those inside its subqueries."""
    for one in node.walk(prune=lambda inner: isinstance(inner, exp.Query)):
        if isinstance(one, exp.Column) and len(one.parts) == 1:
            yield one


def _hides(select: exp.Select, name: str, value: exp.Expr, context: Context) -> bool:
    """Return whether a column of FROM is known to have the name `name`.

    The columns of a table may be unknown. But if the expression `value` contains a column of this name, FROM has the
    column.
    """
    if any(column.parts[-1].name.casefold() == name for column in value.find_all(exp.Column)):
        return True
    from_ = select.args.get("from_")
    items = [from_.this] if from_ else []
    items += [join.this for join in select.args.get("joins") or []]
    tables = [columns for item in items if isinstance(item, exp.Table) and (columns := types.of_table(item, context))]
    return any(column.casefold() == name for columns in tables for column, _ in columns)
