"""Store the results of queries without a destination table, one Arrow file per result.

local-bigquery stores each result in a table of its database. Creating such a table takes 11 ms, and the table's space
on disk and in memory is never freed. Writing an Arrow IPC file takes 1 ms.

The module `history.py` deletes a result together with its job, or `LIFETIME_SECONDS` after the job's creation.
BigQuery's anonymous tables have the same lifetime. A client may also delete a result with tables.delete.

A statement that names a result needs a table. So do copy jobs and the Storage Read API. This module creates the table
in memory on demand, and keeps the newest `_TABLES_IN_MEMORY` tables.
"""

import collections
import contextlib
import functools
import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from local_bigquery.catalog import names, tabledata, tables
from local_bigquery.engine import database, results, types
from local_bigquery.engine.database import quote
from local_bigquery.jobs import query
from local_bigquery.models import TableFieldSchema, TableReference
from local_bigquery.settings import settings

from deskcloud import jsontext
from deskcloud.bigquery.emulator import descriptions, patching, row_pages
from deskcloud.bigquery.emulator.arrow_export import ROWS
from deskcloud.bigquery.emulator.descriptions import Description

LIFETIME_SECONDS = 24 * 60 * 60

_CATALOG = "results"
_KINDS = b"duckdb"
_TABLES_IN_MEMORY = 20
_PAGE_SOURCE = "_page"

Name = tuple[str, str]
"""The name of a result, which is the project and the id of the job."""


class Results:
    """The result files in a folder, and the tables that were created from some of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: collections.OrderedDict[Name, None] = collections.OrderedDict()
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.new"):
            unfinished.unlink()

    def keep(self, cursor: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any], name: Name) -> None:
        """Run a query and store its rows. An older result of the same job is replaced."""
        description = descriptions.of_query(cursor, text, parameters)
        kinds = [types.normalised(kind) for kind in description.types]
        cursor.execute(_with_bigquery_types(description, text), parameters)
        reader = cursor.to_arrow_reader(ROWS)
        schema = reader.schema.with_metadata({_KINDS: jsontext.text(kinds)})
        file = self._file(name)
        unfinished = file.with_suffix(".new")
        with pa.ipc.new_file(str(unfinished), schema) as rows:
            for batch in reader:
                rows.write_batch(batch.replace_schema_metadata(schema.metadata))
        unfinished.replace(file)
        with self._lock:
            self._drop(name)

    def page(
        self, name: Name, limit: int | None, start: int, fields: list[str] | None, *, int64_timestamps: bool
    ) -> tuple[results.Page, list[TableFieldSchema]]:
        """Return a page of rows in the API's format, and the columns.

        `limit` is the number of rows on the page, and `start` the number of rows before the page. `fields` are the
        names of the wanted columns, in lower case, or None for all columns.

        Raises:
            BigQueryError: notFound, if there is no such result.
        """
        table = self._read(name)
        size = results.DEFAULT_PAGE_SIZE if limit is None else limit
        with database.cursor() as cursor:
            cursor.register(_PAGE_SOURCE, table.slice(start, size))
            text = _with_kinds(table.schema, _PAGE_SOURCE)
            rows, columns = row_pages.formatted(cursor, text, fields, int64_timestamps=int64_timestamps)
        end = start + len(rows)
        token = str(end) if end < table.num_rows else None
        page = results.Page(rows, table.num_rows, token)
        return page, [types.field(column, kind) for column, kind in columns]

    def as_table(self, name: Name) -> int | None:
        """Create a table with the rows of a result. Return the number of rows, or None if the result does not exist."""
        if not self.has(name):
            return None
        file = self._file(name)
        with self._lock, database.cursor() as cursor:
            rows = _open(file)
            if name not in self._tables:
                cursor.register(_PAGE_SOURCE, rows)
                cursor.execute(f"CREATE TABLE {_table(name)} AS {_with_kinds(rows.schema, _PAGE_SOURCE)}")
            self._tables[name] = None
            self._tables.move_to_end(name)
            if len(self._tables) > _TABLES_IN_MEMORY:
                self._drop(next(iter(self._tables)))
            return int(rows.num_rows)

    def has(self, name: Name) -> bool:
        """Return whether the result exists."""
        return self._file(name).exists()

    def forget(self, name: Name) -> None:
        """Delete a result if it exists."""
        self._file(name).unlink(missing_ok=True)
        with self._lock:
            self._drop(name)

    def _read(self, name: Name) -> pa.Table:
        try:
            return _open(self._file(name))
        except FileNotFoundError:
            raise tables.not_found("Table", names.label(name[0], tables.RESULTS, name[1])) from None

    def _drop(self, name: Name) -> None:
        if name in self._tables:
            del self._tables[name]
            database.execute(f"DROP TABLE {_table(name)}")

    def _file(self, name: Name) -> Path:
        # The file name is a hash, because a job's id may be too long for a file name.
        return self._folder / f"{hashlib.sha256('\n'.join(name).encode()).hexdigest()}.arrow"


@functools.cache
def kept_results() -> Results:
    """Return the only `Results` of this process."""
    return Results(settings.data_dir / "results")


def add() -> None:
    """Make local-bigquery store query results in this module's files and read them from there."""
    reason = "results of queries are never deleted, and are tables"
    patching.wrap(tables, "physical", _physical, reason)
    patching.wrap(query, "_write", _write, reason)
    patching.wrap(tabledata, "list_rows", _list_rows, reason)
    patching.wrap(tables, "delete", _delete, reason)


def attach(connection: duckdb.DuckDBPyConnection) -> None:
    """Attach an in-memory database. It holds the tables that are created when a statement reads a stored result."""
    connection.execute(f"ATTACH ':memory:' AS {_CATALOG}; CREATE SCHEMA {_CATALOG}.{tables.RESULTS}")


def name_of(catalog: str, table: str) -> Name | None:
    """Return the name of the result in a table, or None for other tables. `catalog` and `table` are DuckDB's names."""
    project, _, job = table.partition(":")
    return (project, job) if catalog == _CATALOG else None


def _physical(original: Callable[..., Any], project: str, dataset: str, table: str) -> Any:
    if dataset != tables.RESULTS:
        return original(project, dataset, table)
    # Any other name in the anonymous dataset is a client's table.
    is_result = kept_results().has((project, table))
    return (_CATALOG, tables.RESULTS, f"{project}:{table}") if is_result else (project, dataset, table)


def _table(name: Name) -> str:
    return str(quote(_CATALOG, tables.RESULTS, ":".join(name)))


def _write(
    original: Callable[..., None], cursor: Any, text: str, bound: Any, destination: TableReference, *rest: Any
) -> None:
    if destination.datasetId == tables.RESULTS:
        kept_results().keep(cursor, text, bound, (destination.projectId, destination.tableId))
    else:
        original(cursor, text, bound, destination, *rest)


def _list_rows(
    original: Callable[..., Any],
    project: str,
    dataset: str,
    table: str,
    limit: int | None,
    start: int,
    selected: str | None,
    is_int64: bool,
) -> Any:
    if dataset != tables.RESULTS or not kept_results().has((project, table)):
        return original(project, dataset, table, limit, start, selected, is_int64)
    fields = [field.strip().casefold() for field in selected.split(",")] if selected else None
    return kept_results().page((project, table), limit, start, fields, int64_timestamps=is_int64)


def _delete(original: Callable[..., None], project: str, dataset: str, table: str) -> None:
    if dataset == tables.RESULTS:
        is_kept = kept_results().has((project, table))
        if is_kept or not tables.exists(project, dataset, table):
            kept_results().forget((project, table))
            return
    original(project, dataset, table)


def _open(file: Path) -> pa.Table:
    with contextlib.closing(pa.memory_map(str(file))) as mapped:
        # The rows keep the memory map open, so the file can be closed.
        return pa.ipc.open_file(mapped).read_all()


def _with_bigquery_types(description: Description, text: str) -> str:
    names = results.unique(description.columns)
    positions = [f"c{index}" for index in range(len(names))]
    columns = ", ".join(
        f"{results._without_null_elements(types.cast(position, kind), column, kind)} AS {quote(column)}"  # noqa: SLF001
        for position, column, kind in zip(positions, names, description.types, strict=True)
    )
    return f"SELECT {columns} FROM ({text}) AS q({', '.join(positions)})"  # noqa: S608 - translated from the client's


def _with_kinds(schema: pa.Schema, source: str) -> str:
    """Return a query that reads the rows with DuckDB's types, because Arrow stores JSON as plain strings."""
    kinds = json.loads(schema.metadata[_KINDS])
    columns = ", ".join(
        f"CAST({quote(column)} AS {kind}) AS {quote(column)}" for column, kind in zip(schema.names, kinds, strict=True)
    )
    return f"SELECT {columns} FROM {source}"  # noqa: S608 - quoted
