"""Run load jobs: check each row against the schema before DuckDB reads the file.

This is needed because DuckDB would cast values that BigQuery refuses.

A text file is read row by row. Errors are reported as in BigQuery's errors[], with the position and the line of the
row, and the field. Up to maxBadRecords invalid rows are skipped. Then the valid rows are copied to another file, and
DuckDB reads this file.
"""

import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from local_bigquery.catalog import datasets, names, tables
from local_bigquery.engine import types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import load, runner, storage
from local_bigquery.jobs.storage import literal
from local_bigquery.models import Job, JobConfigurationLoad, JobStatistics, JobStatistics3, TableFieldSchema
from local_bigquery.settings import settings

from deskcloud.bigquery.emulator import lake_metadata, making, partitions, patching
from deskcloud.bigquery.emulator.storable import HOLDS, kind_of
from deskcloud.bigquery.emulator.storing import write
from deskcloud.bigquery.emulator.text_rows import Refused, plain_text, refused_rows

_TEXT = {"CSV": "CSV", "NEWLINE_DELIMITED_JSON": "JSON"}
_SHOWN = 5
# In a file that declares types, such as Parquet, only columns of these types are checked here. `storing.write` checks
# the other columns.
_KNOWN = {*HOLDS, "INTEGER", "BOOLEAN", "DATE", "TIME", "RECORD"}


class LoadError(BigQueryError):  # type: ignore[misc]  # local-bigquery is not typed
    """A load job failed because of invalid rows. `details` are further messages for BigQuery's errors[]."""

    def __init__(self, message: str, details: Sequence[str]) -> None:
        super().__init__("invalid", message)
        self.details = details


@dataclass
class _Source:
    """A file on disk, and the URI under which the client knows the file."""

    file: str
    uri: str | None


def add() -> None:
    """Make local-bigquery run load jobs with these checks and report all errors."""
    patching.replace(runner, "HANDLERS", run, "rows are cast by DuckDB, which accepts more than BigQuery", key="load")
    patching.wrap(runner, "_done", _with_details, "a load reports only one of its errors")


def _with_details(
    done: Callable[..., Job], job: Job, statistics: JobStatistics, error: BigQueryError | None = None
) -> Job:
    finished = done(job, statistics, error)
    if isinstance(error, LoadError):
        told = [error.proto(), *({"reason": "invalid", "message": message} for message in error.details)]
        finished = finished.replace(status=finished.status.replace(errors=told))
    return finished


def run(cursor: duckdb.DuckDBPyConnection, config: JobConfigurationLoad, upload: str | None) -> JobStatistics3:
    """Load the files that a job names, or the uploaded file `upload`.

    Raises:
        BigQueryError: a row or the schema does not match.
    """
    reference = tables.reference(config.destinationTable)
    table, _ = partitions.split(reference)
    datasets.get(*table[:2])
    kind = config.sourceFormat or "CSV"
    with tempfile.TemporaryDirectory(dir=settings.data_dir) as folder:
        sources = (
            [_Source(upload, None)]
            if upload
            else [_Source(p, u) for u in config.sourceUris or [] for p in storage.paths(cursor, u)]
        )
        files = f"[{', '.join(literal(one.file) for one in sources)}]"
        declared = (config.schema_ and config.schema_.fields) or []
        fields = declared or _known(table, config)
        if kind in _TEXT and not fields and not config.autodetect and not tables.exists(*table):
            raise BigQueryError("invalid", f"Schema has no fields. Table: {table[2]}")
        size, count = _sizes(cursor, files)
        bad = 0
        if kind in _TEXT and fields and not config.hivePartitioningOptions:
            sources, bad = _checked(Path(folder), sources, config, fields)
            files = f"[{', '.join(literal(one.file) for one in sources)}]"
        with load._reading({one.file: one.uri for one in sources}):  # noqa: SLF001 - no public name exists
            reader = load._reader(cursor, files, config, fields)  # noqa: SLF001
            query, rows = _query(cursor, reader, config, fields, table)
            prefix = f"Provided Schema does not match Table {names.label(*table)}. "
            write(
                cursor,
                query,
                None,
                reference,
                config,
                "WRITE_APPEND",
                prefix,
                declared=declared,
                make=making.make,
            )
    output = tables.logical_bytes(rows, lake_metadata.width(*table))
    return JobStatistics3(
        inputFiles=str(count),
        inputFileBytes=str(size),
        outputRows=str(rows),
        outputBytes=str(output),
        badRecords=str(bad),
    )


def _known(table: partitions.Reference, config: JobConfigurationLoad) -> list[TableFieldSchema]:
    """Return the columns of an existing table into which a text file is loaded.

    Return no columns if the schema is autodetected, or if the file is not a text file.
    """
    if (config.sourceFormat or "CSV") not in _TEXT or config.autodetect or not tables.exists(*table):
        return []
    return list(tables.fields(tables.load(*table)))


def _sizes(cursor: duckdb.DuckDBPyConnection, files: str) -> tuple[int, int]:
    try:
        found = cursor.sql(f"SELECT coalesce(sum(size), 0), count(*) FROM read_blob({files})").fetchone()  # noqa: S608
    except duckdb.Error:
        # If a file is missing, the function that reads the rows reports it later.
        return 0, 0
    return found or (0, 0)


def _checked(
    folder: Path, sources: Sequence[_Source], config: JobConfigurationLoad, fields: Sequence[TableFieldSchema]
) -> tuple[list[_Source], int]:
    """Return sources that contain only the valid rows, and the number of invalid rows.

    Raises:
        LoadError: more rows are invalid than the job allows.
    """
    kind = _TEXT[config.sourceFormat or "CSV"]
    most = config.maxBadRecords or 0
    total, checked = 0, list[_Source]()
    refused: list[tuple[_Source, Refused]] = []
    for source in sources:
        if "://" in source.file:
            checked.append(source)
            continue
        text = plain_text(Path(source.file), folder)
        rows, wrong = refused_rows(text, config, fields, most + _SHOWN - len(refused))
        total += rows
        refused += [(source, one) for one in wrong]
        if wrong and len(refused) <= most:
            text = _without(text, wrong, folder)
        checked.append(_Source(str(text), source.uri))
    if len(refused) > most:
        raise _too_many(kind, total, most, refused, [one.uri for one in sources if one.uri])
    return checked, len(refused)


def _without(file: Path, refused: Sequence[Refused], folder: Path) -> Path:
    """Return a copy of the file without the refused rows."""
    copy = folder / f"{uuid.uuid4().hex}.fitting"
    with file.open("rb") as source, copy.open("wb") as target:
        for one in refused:
            target.write(source.read(one.start - source.tell()))
            source.seek(one.end)
        while piece := source.read(1 << 20):
            target.write(piece)
    return copy


def _too_many(
    kind: str, rows: int, most: int, refused: Sequence[tuple[_Source, Refused]], uris: Sequence[str]
) -> LoadError:
    begin = "Error while reading data, error message:"
    errors = len(refused)
    place = f" File: {uris[0]}" if len(uris) == 1 else ""
    counts = f"Rows: {rows}; errors: {errors}"
    details = [f"{begin} {kind} processing encountered too many errors, giving up. {counts}; max bad: {most}"]
    for source, one in refused[:_SHOWN]:
        details += [f"{begin} {message}{f' File: {source.uri}' if source.uri else ''}" for message in one.messages]
    return LoadError(
        f"{begin} {kind} table encountered too many errors, giving up. Rows: {rows}; errors: {errors}. "
        f"Please look into the errors[] collection for more details.{place}",
        details,
    )


def _query(
    cursor: duckdb.DuckDBPyConnection,
    reader: str,
    config: JobConfigurationLoad,
    fields: Sequence[TableFieldSchema],
    table: partitions.Reference,
) -> tuple[str, int]:
    """Return the query that reads the rows to store, and the number of these rows."""
    relation = cursor.sql(f"SELECT * FROM {reader} LIMIT 0")  # noqa: S608 - quoted
    kind = config.sourceFormat or "CSV"
    if kind in _TEXT:
        projection, bad = load._projection(config, fields, relation.columns)  # noqa: SLF001
        [(rows, wrong)] = cursor.sql(f"SELECT count(*), count(*) FILTER ({bad}) FROM {reader}").fetchall()  # noqa: S608
        if wrong:
            message = "A value has a form that BigQuery accepts and the local BigQuery does not"
            unread = [(_Source("", None), Refused(0, 0, 0, (message,)))] * wrong
            raise _too_many(_TEXT[kind], rows, 0, unread, config.sourceUris or [])
    else:
        projection = _typed(relation, config, fields, table)
        [(rows,)] = cursor.sql(f"SELECT count(*) FROM {reader}").fetchall()  # noqa: S608
    return f"SELECT {projection} FROM {reader}", rows  # noqa: S608


def _typed(
    relation: duckdb.DuckDBPyRelation,
    config: JobConfigurationLoad,
    declared: Sequence[TableFieldSchema],
    table: partitions.Reference,
) -> str:
    """Return the select list for a file that declares types, as Parquet does.

    The columns get the types that the job declares, or else the table's types.
    """
    is_appended = config.writeDisposition != "WRITE_TRUNCATE" and tables.exists(*table)
    wanted = list(declared or (tables.fields(tables.load(*table)) if is_appended else []))
    if not wanted or config.hivePartitioningOptions:
        return "*"
    given = {
        name.casefold(): (name, types.field(name, kind))
        for name, kind in zip(relation.columns, relation.types, strict=True)
    }
    columns = []
    for column in wanted:
        name, found = given.pop((column.name or "").casefold(), (None, None))
        if found is None:
            if column.mode == "REQUIRED":
                raise BigQueryError("invalid", f"Provided schema is missing required field {column.name}")
            if declared:
                columns.append(f"CAST(NULL AS {types.duckdb_type(column)}) AS {quote(column.name)}")
            continue
        _check_held(found, column, config.sourceFormat or "")
        columns.append(f"CAST({quote(name)} AS {types.duckdb_type(column)}) AS {quote(column.name)}")
    options = config.schemaUpdateOptions or []
    for name, _ in given.values():
        if declared and not config.ignoreUnknownValues and "ALLOW_FIELD_ADDITION" not in options:
            raise BigQueryError(
                "invalid",
                f"Provided Schema does not match Table {names.label(*table)}. Cannot add fields (field: {name})",
            )
        if not declared and not config.ignoreUnknownValues:
            # The column is new. `storing.write` checks whether the column may be added to the table.
            columns.append(quote(name))
    return ", ".join(columns)


def _check_held(found: TableFieldSchema, column: TableFieldSchema, kind: str, path: str = "") -> None:
    name = f"{path}{column.name}"
    held, wanted = kind_of(found), kind_of(column)
    if wanted in _KNOWN and held not in HOLDS.get(wanted, {wanted}):
        raise BigQueryError(
            "invalid",
            f"Error while reading data, error message: {kind.capitalize()} column '{name}' has type {held} which "
            f"does not match the target type {wanted}.",
        )
    inner = {(one.name or "").casefold(): one for one in column.fields or []}
    for child in found.fields or []:
        if (expected := inner.get((child.name or "").casefold())) is not None:
            _check_held(child, expected, kind, f"{name}.")
