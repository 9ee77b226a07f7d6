"""In INSERT, UPDATE and MERGE, refuse a value if BigQuery cannot convert the value's type to the column's type.

Otherwise DuckDB would cast such values. For example, 1.5 would become the INT64 2, and 5 the STRING '5'.

Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
from local_bigquery import errors
from local_bigquery.catalog import names, tables
from local_bigquery.engine import types
from local_bigquery.errors import BigQueryError
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql.rules import STATEMENT_RULES
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import descriptions
from deskcloud.bigquery.emulator.storable import HOLDS, kind_of
from deskcloud.bigquery.emulator.translation import translate

# Only columns of these types are checked: for them, it is known which types of values BigQuery accepts.
_KNOWN = {*HOLDS, "INTEGER", "BOOLEAN", "STRING"}
_LITERAL = (exp.Null, exp.Parameter, exp.Placeholder)


def add() -> None:
    """Check the types of a statement before local-bigquery applies its own rules.

    Also report BigQuery's error if a required column gets no value.
    """
    STATEMENT_RULES.insert(0, _check)
    refusal = (re.compile(r"NOT NULL constraint failed: [^.]+\.(?P<name>.+)"), "invalidQuery")
    errors.DUCKDB_ERRORS.insert(0, (*refusal, "Required field {name} cannot be null"))


def _check(tree: exp.Expr, context: Any) -> exp.Expr:
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Query | exp.Values):
        _check_insert(tree, context)
    elif isinstance(tree, exp.Update):
        _check_update(tree, context)
    return tree


def _check_insert(tree: exp.Insert, context: Any) -> None:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if (fields := _fields(target, context)) is None:
        return
    listed = (
        [one.name.casefold() for one in tree.this.expressions] if isinstance(tree.this, exp.Schema) else list(fields)
    )
    source = tree.expression
    query = source if isinstance(source, exp.Query) else exp.select("*").from_(exp.alias_(source.copy(), "_values"))
    for name, kind, values in zip(listed, _types(query, context), _written(source, len(listed)), strict=False):
        field = fields.get(name)
        if field is None or all(_is_literal(value) for value in values):
            continue
        if not _is_assignable(kind, field):
            raise BigQueryError(
                "invalidQuery",
                f"Value has type {_name(kind)} which cannot be inserted into column {field.name}, which has type "
                f"{types.bigquery_type(field)}",
            )


def _check_update(tree: exp.Update, context: Any) -> None:
    if (fields := _fields(tree.this, context)) is None:
        return
    set_ = [one for one in tree.expressions if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column)]
    # In `a.b = 1`, `a` is a struct or the updated table. Assignments to fields of a struct are not checked.
    plain = [one for one in set_ if one.this.table.casefold() in {"", tree.this.alias_or_name.casefold()}]
    checked = [
        (fields.get(one.this.name.casefold()), one.expression) for one in plain if not _is_literal(one.expression)
    ]
    if not checked:
        return
    query = exp.select(*(exp.alias_(value.copy(), f"c{index}") for index, (_, value) in enumerate(checked)))
    query = query.from_(tree.this.copy())
    if others := tree.args.get("from_"):
        query = query.join(others.this.copy(), join_type="cross")
    for (field, _), kind in zip(checked, _types(query, context), strict=False):
        if field is not None and not _is_assignable(kind, field):
            raise BigQueryError(
                "invalidQuery",
                f"Value of type {_name(kind)} cannot be assigned to {field.name}, which has type "
                f"{types.bigquery_type(field)}",
            )


def _fields(target: exp.Expr, context: Any) -> dict[str, TableFieldSchema] | None:
    """Return a dict from the names of a table's columns to the columns, or None if the table has no stored schema."""
    if not isinstance(target, exp.Table):
        return None
    reference = names.reference(target, context.project_id, context.dataset_id)
    if reference[1] is None or (not target.db and target.name.casefold() in context.temporary):
        return None
    if not tables.exists(*reference):
        return None
    return {(one.name or "").casefold(): one for one in tables.fields(tables.load(*reference))}


def _types(query: exp.Query, context: Context) -> Sequence[Any]:
    """Return the types of a query's columns.

    For an invalid query, return an empty list, because the statement itself reports the error.
    """
    used = set(context.used)
    try:
        text, bound = translate(query, context)
        return descriptions.of_query(context.cursor, text, bound).types  # statement_rules.py sets the cursor
    except (duckdb.Error, BigQueryError):
        return ()
    finally:
        context.used = used


def _written(source: exp.Expr, width: int) -> Iterator[list[exp.Expr]]:
    """Yield, for each of the `width` columns, the list of the expressions that are written to the column.

    If `source` is VALUES, the list has one expression per row. If `source` is a query, the list has one expression,
    which is in the select list.
    """
    while isinstance(source, exp.SetOperation | exp.Subquery):
        source = source.this
    rows = source.expressions if isinstance(source, exp.Values) else [source]
    for index in range(width):
        cells = [row.expressions[index] for row in rows if index < len(row.expressions)]
        yield [cell.unalias() for cell in cells] or [exp.Star()]


def _is_literal(value: exp.Expr) -> bool:
    """Return whether a value is NULL, a text literal or a parameter. BigQuery converts these to the column's type."""
    value = value.unnest()
    return isinstance(value, _LITERAL) or (isinstance(value, exp.Literal) and value.is_string)


def _is_assignable(kind: Any, field: TableFieldSchema) -> bool:
    try:
        found = types.field("", kind)
    except BigQueryError:
        return True
    if (found.mode == "REPEATED") != (field.mode == "REPEATED"):
        return False
    wanted = kind_of(field)
    return wanted not in _KNOWN or kind_of(found) in HOLDS.get(wanted, {wanted})


def _name(kind: Any) -> str:
    return str(types.bigquery_type(types.field("", kind)))
