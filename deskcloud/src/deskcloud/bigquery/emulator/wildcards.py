"""Read wildcard tables as BigQuery does, with the schema of the newest table. Columns are matched by name.

local-bigquery matches the columns of the tables by position. A query then fails if the tables differ in their number of
columns. If only the order of the columns differs, local-bigquery mixes up the columns. Here, if an older table lacks a
column or a nested field, the value is NULL.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import sqlglot
from local_bigquery.catalog import names
from local_bigquery.engine import database
from local_bigquery.sql.rules import NODE_RULES, tables
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import known_types as types
from deskcloud.bigquery.emulator import lake_metadata, patching
from deskcloud.bigquery.emulator.known_types import Columns

_SUFFIX = "_TABLE_SUFFIX"
# This query returns each table's name and shape, the oldest table first. The shape is a hash of the columns and their
# fields.
_TABLES = """
select t.table_name, (
    select md5(string_agg(
        concat_ws(' ', c.column_name, c.column_type, c.column_id - c.parent_column), ',' order by c.column_id
    ))
    from {metadata}.ducklake_column as c
    where c.table_id = t.table_id and c.end_snapshot is null
)
from {metadata}.ducklake_table as t
join {metadata}.ducklake_schema as d on t.schema_id = d.schema_id and d.end_snapshot is null
left join emulator.tables as r on (r.project_id, r.dataset_id, r.table_id) = ($1, $2, t.table_name)
where t.end_snapshot is null and d.schema_name = $2 and starts_with(t.table_name, $3)
order by coalesce(cast(r.resource ->> '$.creationTime' as bigint), 0), t.table_id
"""


def add() -> None:
    """Replace local-bigquery's rule for wildcard tables."""
    reason = "wildcard tables are joined by position and by UNION, which loses equal rows"
    patching.wrap(tables, "wildcard_table", _expand, reason, rules=NODE_RULES)


def columns(table: exp.Table, context: Context) -> Columns | None:
    """Return the columns of a wildcard table, or None if no table matches."""
    found = _matching(table, context)
    return _columns_of(table, found[-1][0], context) if found else None


def _expand(original: Callable[..., exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier) or not node.name.endswith("*"):
        return node
    if not (found := _matching(node, context)):
        return original(node, context)
    prefix = node.name.rstrip("*")
    newest, shape = found[-1]
    # If the query uses _TABLE_SUFFIX, add this column to each table, and hide the column from stars.
    has_suffix = any(column.name.upper() == _SUFFIX for column in node.root().find_all(exp.Column))
    wanted = _columns_of(node, newest, context) or []
    selects: list[exp.Query] = []
    for name, its_shape in found:
        selected: Iterable[str | exp.Expr] = ["*"]
        if its_shape != shape:
            selected = _by_name(wanted, dict(_columns_of(node, name, context) or []))
        suffix = [exp.alias_(exp.Literal.string(name[len(prefix) :]), _SUFFIX)] if has_suffix else []
        selects.append(sqlglot.select(*selected, *suffix).from_(_table(node, name, context)))
    if has_suffix:
        _hide_from_stars(node)
    union = functools.reduce(lambda left, right: left.union(right, distinct=False, copy=False), selects)
    alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(prefix or node.name, quoted=True))
    return exp.Subquery(this=union, alias=alias, pivots=node.args.get("pivots"))


def _matching(table: exp.Table, context: Context) -> list[tuple[str, str]]:
    project, dataset, _ = names.reference(table, context.project_id, context.dataset_id)
    if project not in database._attached:  # noqa: SLF001 - no public name exists
        return []
    text = _TABLES.format(metadata=lake_metadata.metadata(project))
    found: list[tuple[str, str]] = database.fetch(text, [project, dataset, table.name.rstrip("*")])
    return found


def _table(node: exp.Table, name: str, context: Context) -> exp.Table:
    project, dataset, _ = names.reference(node, context.project_id, context.dataset_id)
    return exp.table_(name, db=dataset, catalog=project, quoted=True)


def _columns_of(node: exp.Table, name: str, context: Context) -> Columns | None:
    return types.of_table(_table(node, name, context), context)


def _by_name(wanted: Columns, given: dict[str, Any]) -> list[exp.Expr]:
    by_lower_case = {name.casefold(): (name, kind) for name, kind in given.items()}
    made = []
    for name, kind in wanted:
        former, its_kind = by_lower_case.get(name.casefold(), (None, None))
        value: exp.Expr = exp.column(exp.to_identifier(former, quoted=True)) if former else exp.null()
        if kind is not None and kind != its_kind:
            value = exp.cast(value, kind.copy())
        made.append(exp.alias_(value, name, quoted=True))
    return made


def _hide_from_stars(node: exp.Table) -> None:
    select = node.find_ancestor(exp.Select)
    for projection in select.expressions if select else []:
        star = projection.this if isinstance(projection, exp.Column) else projection
        is_ours = not isinstance(projection, exp.Column) or projection.table.casefold() == node.alias_or_name.casefold()
        if isinstance(star, exp.Star) and is_ours:
            hidden = star.args.get("except_") or []
            if not any(one.name.upper() == _SUFFIX for one in hidden):
                star.set("except_", [*hidden, exp.column(_SUFFIX)])
