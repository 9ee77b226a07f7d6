"""The statements that run on the local BigQuery and on Google's reference implementation."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from deskcloud.googlesql import analysis, types
from deskcloud.googlesql.catalog import Catalog
from deskcloud.googlesql.reference import Database
from deskcloud.googlesql.tokens import split, tokenize

if TYPE_CHECKING:
    from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Table:
    """A table of the corpus. `fields` have the form of BigQuery's REST API. A row is a dict by column."""

    fields: list[dict[str, Any]]
    rows: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Table:
        written = yaml.safe_load(path.read_text())
        nulls = ", ".join(f"cast(null as {kind}) as `{name}`" for name, kind in written["columns"].items())
        columns = analysis.analyze(f"select {nulls}", Catalog(lambda _: None))
        rows = [
            {column.name: _named(value, column.type) for column, value in zip(columns, row, strict=True)}
            for row in written["rows"]
        ]
        return cls([types.field(column.name, column.type) for column in columns], rows)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rows in the JSON format that a load job reads."""
        return [{name: _loaded(value) for name, value in row.items()} for row in self.rows]


def expressions() -> dict[str, list[str]]:
    """Return the expressions of each theme. A theme is a file with one expression per line."""
    return {
        path.stem: [line for line in path.read_text().splitlines() if line and not line.startswith("--")]
        for path in sorted(CORPUS.glob("expressions/*.sql"))
    }


def queries() -> dict[str, list[str]]:
    """Return the queries of each theme. A theme is a file in which each query ends with a semicolon."""
    return {path.stem: statements(path) for path in [*sorted(CORPUS.glob("queries/*.sql")), CORPUS / "refused.sql"]}


def changes() -> dict[str, list[str]]:
    """Return the INSERT, UPDATE, DELETE and MERGE statements of each theme."""
    return {path.stem: statements(path) for path in sorted(CORPUS.glob("changes/*.sql"))}


def themes() -> dict[str, list[str]]:
    """Return the expressions and statements of each theme."""
    return {**expressions(), **queries(), **changes()}


def statements(path: Path) -> list[str]:
    text = path.read_text()
    return [text[part[0].start : part[-1].end] for part in split(tokenize(text), ";") if part]


@cache
def tables() -> dict[str, Table]:
    return {path.stem: Table.read(path) for path in sorted(CORPUS.glob("tables/*.yaml"))}


@cache
def catalog() -> Catalog:
    return Catalog({name: table.fields for name, table in tables().items()}.get)


@cache
def database() -> Database:
    return Database({name: (table.fields, table.rows) for name, table in tables().items()})


@cache
def rows() -> dict[str, list[dict]]:
    return {name: table.rows for name, table in tables().items()}


def _named(value: Any, kind: TypeProto) -> Any:
    """Return `value` with each STRUCT as a dict by field name. In `value`, a STRUCT is a list of the fields' values."""
    if value is None:
        return None
    match types.kind(kind):
        case "ARRAY":
            return [_named(one, kind.array_type.element_type) for one in value]
        case "STRUCT":
            fields = zip(kind.struct_type.field, value, strict=True)
            return {field.field_name: _named(one, field.field_type) for field, one in fields}
        case _:
            return value


def _loaded(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case float() if not math.isfinite(value):
            return json.dumps(value)
        case _:
            return value
