"""Implement tabledata.insertAll, and check each row against the schema, at every depth.

The table's name may contain a partition, as in `table$20240517`.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from local_bigquery.catalog import names, tabledata, tables
from local_bigquery.engine import database, types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.models import TableDataInsertAllRequest, TableFieldSchema

from deskcloud import jsontext
from deskcloud.bigquery.emulator import modified_times, partitions, patching
from deskcloud.bigquery.emulator.partitions import Partition, Reference
from deskcloud.bigquery.emulator.storable import Fault, Kind, row_check

Row = tuple[int, str | None, dict[str, Any]]
"""A row of a request, as its index in the request, its insertId, and its values by column name."""


def insert_all(project: str, dataset: str, name: str, body: TableDataInsertAllRequest) -> dict[str, Any]:
    """Store the rows of the request, and return the errors of the invalid rows.

    If a row does not match the schema, no row is stored. With skipInvalidRows, the other rows are stored.
    """
    (_, _, name), partition_id = partitions.split((project, dataset, name))
    if body.templateSuffix:
        name = tabledata._template(project, dataset, name, body.templateSuffix)  # noqa: SLF001
    table = project, dataset, name
    resource = tables.load(*table)
    partition = partitions.writable(resource, partition_id) if partition_id is not None else None
    if partition and not partition.is_by_ingestion:
        label = f"{names.label(*table)}${partition_id}"
        raise BigQueryError(
            "invalid", f"Streaming to metadata partition of column based partitioning table {label} is disallowed."
        )
    fields = tables.fields(resource)
    columns = {(field.name or "").casefold(): field for field in fields}
    faults_of = row_check(fields, ignores_unknown=bool(body.ignoreUnknownValues))
    repeated = {key for key, field in columns.items() if field.mode == "REPEATED"}
    errors: list[dict[str, Any]] = []
    fitting: list[Row] = []
    for index, row in enumerate(body.rows or []):
        values = row.json_.model_dump() if row.json_ else {}
        nulls = [key for key, one in values.items() if one is None and key.casefold() in repeated]
        if faults := [*faults_of(values), *(Fault(key, Kind.NULL) for key in nulls)]:
            errors.append({"index": index, "errors": [_problem(fault) for fault in faults]})
        else:
            known = {columns[key.casefold()].name: one for key, one in values.items() if key.casefold() in columns}
            fitting.append((index, row.insertId, known))
    if errors and not body.skipInvalidRows:
        stopped = {"reason": "stopped", "location": "", "debugInfo": "", "message": ""}
        errors += [{"index": index, "errors": [stopped]} for index, _, _ in fitting]
    else:
        new = tabledata._deduplicate(tables.name(*table), fitting)  # noqa: SLF001
        errors += _insert(table, columns, new, partition)
        modified_times.changed(*table)
    return {"insertErrors": sorted(errors, key=lambda one: one["index"])} if errors else {}


def add() -> None:
    """Make local-bigquery use `insert_all` for tabledata.insertAll."""
    patching.replace(tabledata, "insert_all", insert_all, "streamed rows are cast to the schema, or lose fields")
    deduplicate = functools.partial(_one_at_a_time, threading.Lock())
    patching.wrap(tabledata, "_deduplicate", deduplicate, "two concurrent streams delete the same old row")


def _one_at_a_time[T](lock: threading.Lock, work: Callable[..., T], *arguments: Any) -> T:
    with lock:
        return work(*arguments)


def _problem(fault: Fault) -> dict[str, str]:
    match fault.kind:
        case Kind.UNKNOWN:
            message = f"no such field: {fault.field}."
        case Kind.MISSING:
            message = f"Missing required field: {fault.field}."
        case Kind.NULL:
            message = f"Field value of {fault.field} cannot be empty."
        case Kind.WRONG:
            message = f"Cannot convert value to {fault.type} (bad value): {fault.value}"
    return {"reason": "invalid", "location": fault.field, "debugInfo": "", "message": message}


def _insert(
    table: Reference,
    columns: dict[str, TableFieldSchema],
    rows: Sequence[tuple[int, dict[str, Any]]],
    partition: Partition | None,
) -> list[dict[str, Any]]:
    keys = list(dict.fromkeys(key for _, values in rows for key in values))
    if not rows or not keys:
        return []
    fields = [columns[key.casefold()] for key in keys]
    spec = jsontext.text([f"STRUCT({', '.join(f'{quote(one.name)} {_as_json(one)}' for one in fields)})"])
    stored = [quote(one.name) for one in fields]
    values = [_read(one) for one in fields]
    if partition and partition.is_by_ingestion:
        stored.append(quote(tables.INGESTION_TIME))
        values.append(partition.time or "NULL")
    text = (
        f"INSERT INTO {tables.name(*table)} ({', '.join(stored)}) SELECT {', '.join(values)} "  # noqa: S608 - quoted
        "FROM (SELECT unnest(from_json($payload, $spec)) AS r)"
    )
    with database.cursor() as cursor:
        try:
            cursor.execute(text, {"payload": jsontext.text([values for _, values in rows]), "spec": spec})
        except duckdb.Error:
            return [error for index, values in rows if (error := _insert_one(cursor, text, spec, index, values))]
    return []


def _insert_one(
    cursor: duckdb.DuckDBPyConnection, text: str, spec: str, index: int, values: dict[str, Any]
) -> dict[str, Any] | None:
    """Store a single row after the insertion of all rows together has failed. Return the row's error, or None."""
    try:
        cursor.execute(text, {"payload": jsontext.text([values]), "spec": spec})
    except duckdb.Error as error:
        problem = {"reason": "invalid", "location": "", "debugInfo": "", "message": str(error).split("\n")[0]}
        return {"index": index, "errors": [problem]}
    return None


def _as_json(field: TableFieldSchema) -> str:
    """Return the type with which DuckDB reads the values from the request's JSON."""
    kind = types.duckdb_type(field)
    return "VARCHAR" if kind in {"JSON", "BLOB"} else str(kind)


def _read(field: TableFieldSchema) -> str:
    value = f"r.{quote(field.name)}"
    match types.duckdb_type(field):
        case "JSON":
            return f"CAST({value} AS JSON)"
        case "BLOB":
            return f"from_base64({value})"
    return value
