"""Create the table for a request or a loaded file, without reading the columns of all other tables.

For each new table, DuckLake reads the columns of all tables twice. If another table is created at the same time,
DuckLake reads all columns again. With 366 day-tables of 79 columns, this takes 0.2 s.

This module therefore writes DuckLake's metadata itself, with the next free ids of the project. The table of a loaded
file is first created in an empty in-memory lake, which uses the project's folder for files. One transaction then copies
the metadata of the in-memory lake into the project's metadata.

Source: https://ducklake.select/docs/stable/specification/introduction
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
from local_bigquery.catalog import datasets, names, tables
from local_bigquery.engine import database
from local_bigquery.engine.database import quote
from local_bigquery.errors import already_exists, not_found
from local_bigquery.jobs.storage import literal
from local_bigquery.models import Table
from local_bigquery.settings import settings

from deskcloud.bigquery.emulator import lake_columns, lake_metadata, patching
from deskcloud.bigquery.emulator.partitions import Reference
from deskcloud.bigquery.emulator.storing import transaction

_ATTEMPTS = 100
_WAIT_SECONDS = 0.02
_IDS = ("snapshot", "version", "table", "file")
_NEXT = """
SELECT snapshot_id + 1, schema_version + 1, next_catalog_id, next_file_id FROM {to}.ducklake_snapshot
ORDER BY snapshot_id DESC LIMIT 1
"""
_TABLE = """
SELECT 1 FROM {to}.ducklake_table
WHERE end_snapshot IS NULL AND schema_id = $1 AND lower(table_name) = lower($2)
"""
_SNAPSHOT = "INSERT INTO {to}.ducklake_snapshot VALUES ({snapshot}, now(), {version}, {table} + 1, {file} + {files})"
_NEW_TABLE = """
INSERT INTO {to}.ducklake_table
SELECT {table}, id, {snapshot}, NULL, {dataset}, $1, concat(id, '/'), TRUE FROM (SELECT uuid() AS id)
"""
_NEW_COLUMNS = """
INSERT INTO {to}.ducklake_column
SELECT
  c.id, {snapshot}, NULL, {table}, c.id, c.name, c.kind, NULL, 'NULL', c.is_nullable, c.parent,
  if(c.kind IN ('struct', 'list'), '', 'literal'), 'duckdb'
FROM (SELECT unnest($1) AS c)
"""
_NO_ROWS = """
INSERT INTO {to}.ducklake_table_stats VALUES ({table}, 0, 0, 0);
INSERT INTO {to}.ducklake_table_column_stats
SELECT {table}, column_id, FALSE, NULL, NULL, NULL, NULL FROM {to}.ducklake_column
WHERE table_id = {table} AND column_type NOT IN ('struct', 'list')
"""
_FILE_COUNT = "SELECT count(*) FROM {of}.ducklake_data_file"
_COPIED: Final = {
    "ducklake_table": "{table} AS table_id, {snapshot} AS begin_snapshot, {dataset} AS schema_id",
    "ducklake_column": "{table} AS table_id, {snapshot} AS begin_snapshot, {nullable} AS nulls_allowed",
    "ducklake_data_file": "{table} AS table_id, {snapshot} AS begin_snapshot, data_file_id + {file} AS data_file_id",
    "ducklake_file_column_stats": "{table} AS table_id, data_file_id + {file} AS data_file_id",
    "ducklake_table_stats": "{table} AS table_id",
    "ducklake_table_column_stats": "{table} AS table_id",
}
_COPY = "INSERT INTO {to}.{name} BY NAME SELECT * REPLACE ({replaced}) FROM {of}.{name}"
_VERSION = "INSERT INTO {to}.ducklake_schema_versions VALUES ({snapshot}, {version}, {table})"
_CHANGES = "INSERT INTO {to}.ducklake_snapshot_changes VALUES ({snapshot}, {changes}, NULL, NULL, NULL)"
_FILES = "SELECT data_file FROM ducklake_list_files($1, $2, schema => $3)"
_numbers = itertools.count()
# Only one thread at a time writes metadata. Otherwise several threads would use the same DuckLake ids and would have to
# retry.
_publishing = threading.Lock()


def add() -> None:
    """Make local-bigquery create the tables of requests with this module.

    Call this function before `add` of the modules that wrap the same function of local-bigquery.
    """
    patching.wrap(tables, "create", _create, "for each new table, DuckLake reads the columns of all tables")


def _create(original: Callable[..., Table], project: str, dataset: str, body: Table, *rest: Any) -> Table:
    name, fields = body.tableReference and body.tableReference.tableId, tables.fields(body)
    if body.view or not fields or not name:
        return original(project, dataset, body, *rest)
    table = project, dataset, name
    names.table(name)
    names.fields(fields)
    columns = lake_columns.rows(fields)
    datasets.get(project, dataset)
    if tables.exists(*table):
        raise already_exists("Table", names.label(*table))
    with database.cursor() as writer:
        _publish(writer, table, lambda ids: _declare(writer, ids, name, columns))
    return tables._store(*table, tables.defaults(*table).merged(body))  # noqa: SLF001 - no public name exists


def _declare(writer: Any, ids: dict[str, Any], name: str, columns: Sequence[lake_columns.Row]) -> None:
    writer.execute(_NEW_TABLE.format(**ids), [name])
    writer.execute(_NEW_COLUMNS.format(**ids), [[one._asdict() for one in columns]])


def make(writer: Any, table: Reference, select: str, bound: dict[str, Any] | None, required: Sequence[str]) -> None:
    """Create a table with the rows of the query `select`. `required` lists the columns that are never NULL.

    Raises:
        BigQueryError: the dataset no longer exists, or another statement has already created the table.
    """
    project, dataset, name = table
    with _empty_lake(writer, project, dataset) as lake:
        writer.execute(f"CREATE TABLE {quote(lake, dataset, name)} AS {select}", bound)
        try:
            _publish(writer, table, lambda ids: _copy(writer, ids, required), lake)
        except BaseException:
            # The in-memory lake is detached next, and the project does not refer to the files with the rows. So delete
            # the files.
            for (file,) in writer.execute(_FILES, [lake, name, dataset]).fetchall():
                Path(file).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _empty_lake(writer: Any, project: str, dataset: str) -> Iterator[str]:
    lake = f"_making_{next(_numbers)}"
    path = literal(f"{settings.data_dir / project}/")
    writer.execute(f"ATTACH 'ducklake::memory:' AS {quote(lake)} (DATA_PATH {path}, DATA_INLINING_ROW_LIMIT 0)")
    try:
        writer.execute(f"CREATE SCHEMA {quote(lake, dataset)}")
        yield lake
    finally:
        writer.execute(f"DETACH {quote(lake)}")


def _publish(writer: Any, table: Reference, fill: Callable[[dict[str, Any]], None], lake: str = "") -> None:
    """Enter a new table into the project's metadata.

    `fill` gets the new ids, and writes the rows of metadata that describe the table. `lake` is the in-memory lake that
    holds the table's files, or "" if the table has no files.

    Statistics are written even for a table without rows. Otherwise DuckLake would look for the statistics twice per
    column in each statement, which takes 44 ms for 25 columns.
    """
    for attempt in itertools.count(1):
        try:
            with _publishing, transaction(writer):
                _enter(writer, table, fill, lake)
        except (duckdb.ConstraintException, duckdb.TransactionException):
            # Another transaction has used the same id for its snapshot, so try again with the next id.
            if attempt == _ATTEMPTS:
                raise
            time.sleep(_WAIT_SECONDS)
        else:
            return


def _enter(writer: Any, table: Reference, fill: Callable[[dict[str, Any]], None], lake: str) -> None:
    project, dataset, name = table
    place = {"to": lake_metadata.metadata(project)} | ({"of": lake_metadata.metadata(lake)} if lake else {})
    found = writer.execute(lake_metadata.DATASET.format(**place, metadata=place["to"]), [dataset]).fetchone()
    if found is None:
        raise not_found("Dataset", names.label(project, dataset))
    if writer.execute(_TABLE.format(**place), [found[0], name]).fetchone():
        raise already_exists("Table", names.label(*table))
    ids = place | dict(zip(_IDS, writer.execute(_NEXT.format(**place)).fetchone(), strict=True)) | {"dataset": found[0]}
    [ids["files"]] = writer.execute(_FILE_COUNT.format(**place)).fetchone() if lake else [0]
    writer.execute(_SNAPSHOT.format(**ids))
    fill(ids)
    if not ids["files"]:
        writer.execute(_NO_ROWS.format(**ids))
    writer.execute(_VERSION.format(**ids))
    changes = f"created_table:{quote(dataset)}.{quote(name)}"
    changes += f",inserted_into_table:{ids['table']}" if lake else ""
    writer.execute(_CHANGES.format(**ids, changes=literal(changes)))


def _copy(writer: Any, ids: dict[str, Any], required: Sequence[str]) -> None:
    columns = ", ".join(map(literal, required))
    nullable = f"parent_column IS NOT NULL OR column_name NOT IN ({columns})" if required else "TRUE"
    for copied, replaced in _COPIED.items():
        writer.execute(_COPY.format(**ids, name=copied, replaced=replaced.format(**ids, nullable=nullable)))
