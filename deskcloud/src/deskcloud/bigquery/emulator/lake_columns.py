"""Convert a table's columns between BigQuery's schema and the rows of DuckLake's table `ducklake_column`.

Each column, each field of a struct and the element of each list has a row. A child's row has the id of its parent.

Source: https://ducklake.select/docs/stable/specification/tables/ducklake_column
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from local_bigquery.engine import types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.models import TableFieldSchema

from deskcloud.bigquery.emulator import descriptions

# The types with different names in DuckDB and DuckLake.
_TO_LAKE = {"BIGINT": "int64", "DOUBLE": "float64"}
_FROM_LAKE = {
    **{f"int{bits}": name for bits, name in ((8, "tinyint"), (16, "smallint"), (32, "integer"), (64, "bigint"))},
    **{f"uint{bits}": name for bits, name in ((8, "utinyint"), (16, "usmallint"), (32, "uinteger"), (64, "ubigint"))},
    "float32": "float",
    "float64": "double",
    "int128": "hugeint",
    "uint128": "uhugeint",
}


class Row(NamedTuple):
    """A row of `ducklake_column`. `kind` is DuckLake's type, and `parent` is None for a column of the table."""

    id: int
    name: str
    kind: str
    is_nullable: bool
    parent: int | None


def rows(fields: Iterable[TableFieldSchema]) -> list[Row]:
    """Return the rows of `ducklake_column` that describe a table's columns.

    The row of a struct's field or of a list's element comes after the row of its parent.

    Raises:
        BigQueryError: a field has an unknown type, or is a struct without fields.
    """
    ids = itertools.count(1)
    return [row for field in fields for row in _rows(field, ids, None, is_nullable=field.mode != "REQUIRED")]


def fields(found: Sequence[Row]) -> list[TableFieldSchema]:
    """Return the columns of the table that has these rows, in the order of the rows."""
    children: dict[int | None, list[Row]] = defaultdict(list)
    for row in found:
        children[row.parent].append(row)
    return [
        types.field(row.name, descriptions.kind(_text(row, children)), not row.is_nullable) for row in children[None]
    ]


def _rows(
    field: TableFieldSchema, ids: Iterator[int], parent: int | None, *, is_nullable: bool = True
) -> Iterator[Row]:
    number, name = next(ids), field.name or ""
    if field.mode == "REPEATED":
        yield Row(number, name, "list", is_nullable, parent)
        yield from _rows(field.replace(name="element", mode="NULLABLE"), ids, number)
        return
    kind = (field.type or "STRING").upper()
    if kind in ("RECORD", "STRUCT"):
        if not field.fields:
            raise BigQueryError("invalid", f"Field {name} is type RECORD but has no schema")
        children = list(field.fields)
    elif kind == "RANGE":
        children = [TableFieldSchema(name=one, type=field.rangeElementType.type) for one in types.RANGE_FIELDS]
    else:
        known = types.duckdb_type(field)
        yield Row(number, name, _TO_LAKE.get(known, known.lower()), is_nullable, parent)
        return
    yield Row(number, name, "struct", is_nullable, parent)
    for child in children:
        yield from _rows(child, ids, number)


def _text(row: Row, children: dict[int | None, list[Row]]) -> str:
    """Return the type of a column, a field or an element in DuckDB's SQL."""
    if row.kind == "list":
        [element] = children[row.id]
        return f"{_text(element, children)}[]"
    if row.kind == "struct":
        return f"STRUCT({', '.join(f'{quote(one.name)} {_text(one, children)}' for one in children[row.id])})"
    return _FROM_LAKE.get(row.kind, row.kind)
