"""Correct SET of several variables.

This module computes all values before it sets any variable, while local-bigquery would set the variables one after the
other. If the value is a struct, this module sets each variable to one field, while local-bigquery would set the first
variable to the whole struct. dbt sends a struct even for a single variable, as in `SET (a) = (SELECT AS STRUCT ...)`.
"""

from collections.abc import Callable
from typing import Any

import sqlglot
from local_bigquery.errors import BigQueryError
from local_bigquery.sql import script
from local_bigquery.sql.dialect import BigQueryDialect
from sqlglot import exp

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Replace the interpreter's SET, so that SET computes all values before it sets a variable."""
    patching.change(script.Interpreter, "set", _assigning, "SET of several variables sets one after the other")


def _assigning(original: Callable[..., None]) -> Callable[..., None]:
    def assign(self: script.Interpreter, statement: script.Statement) -> None:
        items = sqlglot.parse_one(statement.text, dialect=BigQueryDialect).expressions
        target = items[0].this.this if len(items) == 1 else None
        if not isinstance(target, exp.Tuple | exp.Paren):
            original(self, statement)
            return
        names = [one.name for one in (target.expressions or [target.this])]
        _assign(self, names, items[0].this.expression)

    return assign


def _assign(interpreter: Any, names: list[str], value: exp.Expr) -> None:
    targets = [interpreter.variable(name) for name in names]
    if isinstance(value, exp.Paren) and len(names) == 1:
        value = exp.Tuple(expressions=[value.this])
    if isinstance(value, exp.Struct):
        # Split the struct into its values, because DuckDB cannot store a struct with unnamed fields.
        value = exp.Tuple(expressions=[_value(one) for one in value.expressions])
    sources = _values(interpreter, value) if isinstance(value, exp.Tuple) else _fields(interpreter, value)
    if len(sources) != len(names):
        raise BigQueryError("invalidQuery", f"SET has {len(names)} variables and {len(sources)} values")
    for target, source in zip(targets, sources, strict=True):
        interpreter.cursor.execute(f"UPDATE {target} SET {script.VALUE} = ({source})")  # noqa: S608 - names of our own


def _value(field: exp.Expr) -> exp.Expr:
    if isinstance(field, exp.PropertyEQ):
        named: exp.Expr = field.expression
        return named
    return field.unalias()


def _values(interpreter: Any, value: exp.Tuple) -> list[str]:
    """Compute and store all values. Return one query per value, which reads the stored value."""
    return [f"SELECT {script.VALUE} FROM {interpreter.store(one)}" for one in value.expressions]  # noqa: S608


def _fields(interpreter: Any, value: exp.Expr) -> list[str]:
    """Compute and store a struct. Return one query per field, which reads the field of the stored struct."""
    table = interpreter.store(value)
    (kind,) = interpreter.cursor.sql(f"SELECT {script.VALUE} FROM {table}").types  # noqa: S608
    if kind.id != "struct":
        raise BigQueryError("invalidQuery", "SET of several variables needs a value for each, or one struct")
    return [
        f"SELECT struct_extract_at({script.VALUE}, {index}) FROM {table}"  # noqa: S608
        for index in range(1, len(kind.children) + 1)
    ]
