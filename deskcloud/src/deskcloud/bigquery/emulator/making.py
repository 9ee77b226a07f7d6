"""Create a table for a loaded file, so that DuckLake does not read all other tables.

For each new table, DuckLake reads the columns of all tables twice. If another table is created at the same time,
DuckLake reads all columns again. With 366 day-tables of 79 columns, this takes 0.2 s.

This module first creates the table in an empty in-memory lake, which uses the project's folder for files. One
transaction then copies the metadata of the in-memory lake into the project's metadata, with the next free ids of the
project.

Source: https://ducklake.select/docs/stable/specification/introduction
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
from local_bigquery.catalog import names
from local_bigquery.engine.database import quote
from local_bigquery.errors import already_exists, not_found
from local_bigquery.jobs.storage import literal
from local_bigquery.settings import settings

from deskcloud.bigquery.emulator import lake_metadata
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
_SNAPSHOT = """
INSERT INTO {to}.ducklake_snapshot
SELECT {snapshot}, now(), {version}, {table} + 1, {file} + count(*) FROM {of}.ducklake_data_file
"""
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
# Only one thread at a time copies metadata. Otherwise several threads would use the same DuckLake ids and would have to
# retry.
_publishing = threading.Lock()


def make(writer: Any, table: Reference, select: str, bound: dict[str, Any] | None, required: Sequence[str]) -> None:
    """Create a table with the rows of the query `select`. `required` lists the columns that are never NULL.

    Raises:
        BigQueryError: the dataset no longer exists, or another statement has already created the table.
    """
    project, dataset, name = table
    with _empty_lake(writer, project, dataset) as lake:
        writer.execute(f"CREATE TABLE {quote(lake, dataset, name)} AS {select}", bound)
        try:
            _publish(writer, table, lake, required)
        except BaseException:
            # Delete the files with the rows, because no lake refers to them any more.
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


def _publish(writer: Any, table: Reference, lake: str, required: Sequence[str]) -> None:
    for attempt in itertools.count(1):
        try:
            with _publishing, transaction(writer):
                _copy(writer, table, lake, required)
        except (duckdb.ConstraintException, duckdb.TransactionException):
            # Another transaction has used the same id for its snapshot, so try again with the next id.
            if attempt == _ATTEMPTS:
                raise
            time.sleep(_WAIT_SECONDS)
        else:
            return


def _copy(writer: Any, table: Reference, lake: str, required: Sequence[str]) -> None:
    project, dataset, name = table
    place = {"to": lake_metadata.metadata(project), "of": lake_metadata.metadata(lake)}
    found = writer.execute(lake_metadata.DATASET.format(metadata=place["to"]), [dataset]).fetchone()
    if found is None:
        raise not_found("Dataset", names.label(project, dataset))
    if writer.execute(_TABLE.format(**place), [found[0], name]).fetchone():
        raise already_exists("Table", names.label(*table))
    ids = place | dict(zip(_IDS, writer.execute(_NEXT.format(**place)).fetchone(), strict=True)) | {"dataset": found[0]}
    columns = ", ".join(map(literal, required))
    ids["nullable"] = f"parent_column IS NOT NULL OR column_name NOT IN ({columns})" if required else "TRUE"
    writer.execute(_SNAPSHOT.format(**ids))
    for copied, replaced in _COPIED.items():
        writer.execute(_COPY.format(**ids, name=copied, replaced=replaced.format(**ids)))
    writer.execute(_VERSION.format(**ids))
    changes = f"created_table:{quote(dataset)}.{quote(name)},inserted_into_table:{ids['table']}"
    writer.execute(_CHANGES.format(**ids, changes=literal(changes)))
