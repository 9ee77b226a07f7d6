"""Name, match and group columns as GoogleSQL does.

names           Unnamed columns are named f0_, f1_, even if the query is in parentheses, in FROM or in WITH.
*               A star lists the columns of USING first.
GROUP BY ALL    Constants form one group.
CORRESPONDING   A set operation returns the columns that both sides have, or those of the left side (LEFT), or all
                columns (FULL). DuckDB always returns all columns.
BY NAME         The columns are chosen as for CORRESPONDING.
"""

from collections.abc import Callable
from typing import Any

from local_bigquery.errors import BigQueryError
from local_bigquery.sql.rules import STATEMENT_RULES, columns, query
from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.checks import unsupported


def add() -> None:
    """Add this module's rules to STATEMENT_RULES, and change two of local-bigquery's rules."""
    patching.replace(
        query,
        "corresponding",
        _corresponding,
        "CORRESPONDING and BY NAME use all columns of both sides",
        rules=STATEMENT_RULES,
    )
    STATEMENT_RULES.insert(0, _nested)
    STATEMENT_RULES.insert(0, _using_first)
    reason = "columns without a name behind parentheses, and of a query in FROM, are not named f0_"
    STATEMENT_RULES.insert(patching.position(STATEMENT_RULES, columns, "anonymous_columns", reason), _one_group)
    patching.wrap(columns, "anonymous_columns", _named, reason, rules=STATEMENT_RULES)


def _named(original: Callable[..., exp.Expr], tree: exp.Expr, context: Any) -> exp.Expr:
    select: exp.Expr = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    original(select, context)
    for inner in tree.find_all(exp.Select):
        if inner.args.get("kind") == "STRUCT":
            _name_fields(inner)
        elif inner is not select and _is_source(inner):
            original(inner, context)
    return tree


def _name_fields(select: exp.Expr) -> None:
    """Name the unnamed fields of SELECT AS STRUCT as BigQuery does: _field_1, _field_2."""
    for number, one in enumerate(list(select.expressions), 1):
        if not isinstance(one, exp.Alias | exp.Column | exp.Dot | exp.Star):
            one.replace(exp.alias_(one.copy(), f"_field_{number}"))


def _is_source(select: exp.Expr) -> bool:
    """Return whether a query is in FROM or WITH, so that a star of an outer query may list the query's columns."""
    if select.args.get("kind") in {"STRUCT", "VALUE"}:
        return False
    while isinstance(select.parent, exp.SetOperation):
        select = select.parent
    return isinstance(select.parent, exp.CTE) or (
        isinstance(select.parent, exp.Subquery) and isinstance(select.parent.parent, exp.From | exp.Join)
    )


def _using_first(tree: exp.Expr, _: Any) -> exp.Expr:
    """Put the columns of USING before the other columns of a star."""
    for select in tree.find_all(exp.Select):
        joins = select.args.get("joins") or []
        star = next((one for one in select.expressions if type(one) is exp.Star), None)
        others = [join for join in joins if not join.args.get("using") and not isinstance(join.this, exp.Unnest)]
        if star is None or star.args.get("replace") or others:
            continue
        names: list[str] = []
        for join in joins:
            new = [one.name for one in join.args.get("using") or []]
            names = [*new, *(one for one in names if one.casefold() not in {name.casefold() for name in new})]
        hidden = star.args.get("except_") or []
        left_out = {one.name.casefold() for one in hidden}
        first = [exp.column(exp.to_identifier(one)) for one in names if one.casefold() not in left_out]
        rest = star.copy()
        rest.set("except_", [*hidden, *(exp.to_identifier(one.name) for one in first)])
        position = select.expressions.index(star)
        select.set("expressions", [*select.expressions[:position], *first, rest, *select.expressions[position + 1 :]])
    return tree


def _one_group(tree: exp.Expr, _: Any) -> exp.Expr:
    """Rewrite GROUP BY ALL as DISTINCT if all columns are constants.

    Then there is no column to group by, and the query returns one row.
    """
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        if (
            group
            and group.args.get("all")
            and not any(one.find(exp.Column, exp.AggFunc, exp.Star) for one in select.expressions)
        ):
            select.set("group", None)
            select.set("distinct", exp.Distinct())
    return tree


def _corresponding(tree: exp.Expr, context: Any) -> exp.Expr:
    """Rewrite a set operation by name as a set operation by position."""
    for union in reversed(list(tree.find_all(exp.SetOperation))):
        if union.args.get("by_name"):
            _by_position(union, context)
    return tree


def _nested(tree: exp.Expr, _: Any) -> exp.Expr:
    """Put nested set operations, which pipes produce, in parentheses. Otherwise INTERSECT would be computed first."""
    for union in list(tree.find_all(exp.SetOperation)):
        inner = union.this
        is_same = type(inner) is type(union) and inner.args.get("distinct") == union.args.get("distinct")
        if isinstance(inner, exp.SetOperation) and not is_same:
            with_ = inner.args.pop("with_", None)
            union.set("this", exp.Subquery(this=inner))
            if with_ is not None:
                union.set("with_", with_)
        if isinstance(union.expression, exp.SetOperation):
            union.set("expression", exp.Subquery(this=union.expression))
    return tree


def _by_position(union: exp.SetOperation, context: Any) -> None:
    names = _names(union.this, context), _names(union.expression, context)
    if None in names:
        raise unsupported("BY NAME or CORRESPONDING of columns without names of their own")
    left, right = ([name.casefold() for name in side or []] for side in names)
    spelled = {name.casefold(): name for name in [*(names[1] or []), *(names[0] or [])]}
    side, kind = (str(union.args.get(part) or "").upper() for part in ("side", "kind"))
    if union.args.get("on"):
        chosen = [column.name.casefold() for column in union.args["on"]]
        spelled |= {column.name.casefold(): column.name for column in union.args["on"]}
    elif side == "FULL":
        chosen = [*left, *(name for name in right if name not in left)]
    elif side == "LEFT":
        chosen = left
    elif kind == "INNER":
        chosen = [name for name in left if name in right]
    elif sorted(left) == sorted(right):
        chosen = left
    else:
        raise BigQueryError("invalidQuery", "Both sides of a set operation BY NAME must have the same columns")
    if not chosen:
        raise BigQueryError("invalidQuery", "The sides of a set operation by name have no column in common")
    for part, own in (("this", left), ("expression", right)):
        values = [
            exp.alias_(
                exp.column(exp.to_identifier(name, quoted=True)) if name in own else exp.null(),
                spelled[name],
                quoted=True,
            )
            for name in chosen
        ]
        inner = union.args[part].unnest()
        with_ = inner.args.pop("with_", None) if isinstance(inner, exp.Query) else None
        select = exp.select(*values).from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("_s"))))
        select.set("with_", with_)
        union.set(part, select)
    for part in ("by_name", "side", "kind", "on"):
        union.set(part, None)


def _names(side: exp.Expr, context: Any) -> list[str] | None:
    """Return the names of a query's columns, or None if a name is unknown."""
    side = side.unnest()
    if isinstance(side, exp.SetOperation):
        return _names(side.this, context)
    if not isinstance(side, exp.Select):
        return None
    names: list[str] = []
    for one in side.expressions:
        found = _starred(side, one, context) if one.is_star else [one.alias_or_name or None]
        if found is None or None in found:
            return None
        names += [name for name in found if name]
    return None if len({name.casefold() for name in names}) < len(names) else names


def _starred(select: exp.Select, star: exp.Expr, context: Any) -> list[str | None] | None:
    """Return the column names to which a star expands. Return None if the query reads more than one table or query."""
    item = select.args["from_"].this if select.args.get("from_") else None
    if not isinstance(star, exp.Star) or select.args.get("joins"):
        return None
    found: list[str] | None = None
    if isinstance(item, exp.Subquery):
        found = _names(item.this, context)
    elif isinstance(item, exp.Table):
        defined = None if item.db else _definition(item)
        columns = None if defined else types.of_table(item, context)
        found = _names(defined.this, context) if defined else [name for name, _ in columns or []] or None
    left_out = {one.name.casefold() for one in star.args.get("except_") or []}
    return None if found is None else [name for name in found if name.casefold() not in left_out]


def _definition(table: exp.Table) -> exp.Expr | None:
    """Return the WITH query to which a table name refers.

    Return None if no WITH query has this name, or if the WITH query renames its columns.
    """
    around = table.parent
    while around is not None:
        with_ = around.args.get("with_")
        for one in with_.expressions if with_ else []:
            if one.alias.casefold() == table.name.casefold() and not one.alias_column_names:
                found: exp.Expr = one
                return found
        around = around.parent
    return None
