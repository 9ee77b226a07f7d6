"""Find the GoogleSQL types of table columns, script variables and expressions. The rewrite rules need these types."""

from collections.abc import Iterable
from typing import Any

import duckdb
from local_bigquery.catalog import names, tables
from local_bigquery.engine import types
from local_bigquery.errors import BigQueryError
from local_bigquery.sql.rules.parameters import VALUE
from local_bigquery.sql.translate import Context
from sqlglot import exp
from sqlglot.optimizer.annotate_types import TypeAnnotator
from sqlglot.schema import MappingSchema

from deskcloud.bigquery.emulator import descriptions

type Type = exp.DataType | None
"""A type, or None if the type is unknown."""
type Columns = list[tuple[str, Type]]

# The name of the first field of the STRUCT that represents a RANGE in DuckDB.
RANGE_START = "__range_start"
_SCHEMA = MappingSchema(dialect="bigquery")


def of_table(table: exp.Table, context: Context) -> Columns | None:
    """Return the columns of a table or view, or None if the columns are unknown."""
    if not isinstance(table.this, exp.Identifier) or table.name.endswith("*"):
        return None
    try:
        if not table.db and table.name.casefold() in context.temporary:
            return _of_temporary(context, f'temp.main."{table.name}"')
        project, dataset, name = names.reference(table, context.project_id, context.dataset_id)
        fields = tables.columns(project, dataset, name) if dataset else []
    except (BigQueryError, duckdb.Error):
        return None
    return [(field.name, _parsed(types.bigquery_type(field))) for field in fields] or None


def of_variable(name: str, context: Context) -> Type:
    """Return the type of a script variable, or None if the type is unknown."""
    table = context.variables.get(name.lower())
    columns = _of_temporary(context, table) if table else None
    return dict(columns or []).get(VALUE)


def _of_temporary(context: Context, table: str) -> Columns | None:
    cursor = getattr(context, "cursor", None)
    if cursor is None:
        return None
    return of_query(cursor, f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - the emulator's own name


def of_query(cursor: duckdb.DuckDBPyConnection, sql: str, bound: dict[str, Any] | None = None) -> Columns:
    """Let DuckDB find the columns of a query without running the query. `sql` is DuckDB's SQL."""
    found = descriptions.of_query(cursor, sql, bound)
    return [(name, _parsed(types.bigquery_type(types.field(name, kind)))) for name, kind in zip(*found, strict=True)]


def _parsed(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="bigquery")


def infer(expression: exp.Expr) -> Type:
    """Infer an expression's type from the known types of its columns and subqueries. Return None if this fails."""
    TypeAnnotator(_SCHEMA, overwrite_types=False).annotate_expression(expression)
    return known(expression.type)


def is_range(kind: Type) -> bool:
    """Return whether a type is RANGE, or the STRUCT that represents a RANGE in DuckDB."""
    return kind is not None and (
        kind.is_type(exp.DType.RANGE) or [name for name, _ in fields(kind)][:1] == [RANGE_START]
    )


def known(kind: Type) -> Type:
    """Return the type, or None if sqlglot's type is UNKNOWN or NULL."""
    return None if kind is None or kind.is_type(exp.DType.UNKNOWN, exp.DType.NULL) else kind


def is_whole(kind: Type) -> bool:
    """Return whether a type and all its parts are known."""
    parts = [] if kind is None else list(kind.find_all(exp.DataType))
    return bool(parts) and all(known(part) and (part.this != exp.DType.ARRAY or part.expressions) for part in parts)


def element(kind: Type) -> Type:
    """Return the element type of an ARRAY. Other types give None."""
    return known(kind.expressions[0]) if kind and kind.is_type(exp.DType.ARRAY) and kind.expressions else None


def fields(kind: Type) -> Columns:
    """Return the fields of a STRUCT. Other types give an empty list, and unnamed fields have the name ""."""
    if kind is None or not kind.is_type(exp.DType.STRUCT):
        return []
    return [
        (field.name, known(field.kind)) if isinstance(field, exp.ColumnDef) else ("", known(field))
        for field in kind.expressions
    ]


def field(kind: Type, name: str) -> Type:
    """Return the type of a STRUCT's field, or None if there is no such field."""
    return next((one for field_name, one in fields(kind) if field_name.casefold() == name.casefold()), None)


def struct(columns: Iterable[tuple[str, Type]]) -> Type:
    """Return the STRUCT type with these fields, or None if a field's type is unknown."""
    made = []
    for name, kind in columns:
        if kind is None:
            return None
        made.append(exp.ColumnDef(this=exp.to_identifier(name), kind=kind.copy()) if name else kind.copy())
    return exp.DataType(this=exp.DType.STRUCT, expressions=made, nested=True)


def array(kind: Type) -> Type:
    """Return the ARRAY type with this element type, or None if the element type is unknown."""
    return None if kind is None else exp.DataType(this=exp.DType.ARRAY, expressions=[kind.copy()], nested=True)
