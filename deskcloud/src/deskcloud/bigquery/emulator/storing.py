"""Store the rows of load, copy and query jobs in one transaction, and check the rows against the table's schema.

local-bigquery casts each value if DuckDB can cast it: 1.5 in an INT64 column becomes 2. When local-bigquery replaces a
table, it drops REQUIRED. It treats `table$20240517` as the name of a table.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
from local_bigquery.catalog import names, tables
from local_bigquery.engine import database, results, types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError, already_exists, not_found
from local_bigquery.jobs.storage import literal
from local_bigquery.models import JobConfigurationQuery, Table, TableFieldSchema, TimePartitioning

from deskcloud.bigquery.emulator import descriptions, made, partitions, patching
from deskcloud.bigquery.emulator.descriptions import Description
from deskcloud.bigquery.emulator.partitions import Partition, Reference
from deskcloud.bigquery.emulator.storable import kind_of

type Maker = Callable[[Any, Reference, str, dict[str, Any] | None, Sequence[str]], None]
# This prefix marks DuckDB errors whose text comes from this module.
_MARK = "not storable: "
_SOURCE = "_rows"
# Maps the type of a value to further column types that may store the value. Some of these conversions lose nothing. The
# others are allowed because the value's type, as DuckDB infers it, is not exact.
_STORED_AS = {
    "INTEGER": {"FLOAT", "NUMERIC", "BIGNUMERIC"},
    "NUMERIC": {"FLOAT", "BIGNUMERIC"},
    "BIGNUMERIC": {"FLOAT", "NUMERIC"},
    "DATETIME": {"DATE"},
}


def add() -> None:
    """Make local-bigquery store rows with this module."""
    patching.replace(tables, "write", write, "rows are cast to the schema, or lose fields")


def write(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    parameters: dict[str, Any] | None,
    reference: Reference,
    config: Any,
    default: str = "WRITE_EMPTY",
    prefix: str = "Invalid schema update. ",
    isolated: bool = False,
    declared: Sequence[TableFieldSchema] = (),
    spec: TimePartitioning | None = None,
    make: Maker | None = None,
) -> bool:
    """Run a query and store its rows in the job's destination. Return whether a table was created.

    `reference` is the destination, and `config` the job's configuration. `default` is the write disposition if the job
    gives none. `prefix` begins the error messages about the schema. If `isolated`, the query runs on the session's
    connection, and another connection writes the rows.

    `declared` are the columns that the job declares. `spec` is the partitioning of a new table if the job gives none.
    `make` creates the table if it does not exist.

    Raises:
        BigQueryError: the rows do not fit the table, or must not be written there.
    """
    description = descriptions.of_query(cursor, query, parameters)
    if isinstance(config, JobConfigurationQuery):
        made.check_result(description.columns)
    table, partition_id = partitions.split(reference)
    names.table(table[2])
    disposition = config.writeDisposition or default
    is_schema_changed = partition_id is None and disposition == "WRITE_TRUNCATE"
    incoming = _Incoming(description, declared)
    changes: Table = tables.layout(incoming.names, config, disposition if partition_id is None else "WRITE_APPEND")
    with _translated(), database.writing(*table):
        stored = tables.load(*table) if tables.exists(*table) else None
        if stored is None and config.createDisposition == "CREATE_NEVER":
            raise not_found("Table", names.label(*table))
        exists = stored is not None and bool(database.objects(*tables.physical(*table)))
        changes = _with_partitioning(changes, stored, partition_id, spec)
        resource = (stored or Table(tableReference=_as_reference(table))).replace(
            **changes.given() | ({} if exists else {"schema": {"fields": [one.dump() for one in incoming.fields]}})
        )
        partition = partitions.writable(resource, partition_id) if partition_id is not None else None
        if exists and disposition == "WRITE_EMPTY" and _has_rows(cursor, table, partition):
            raise already_exists("Table", names.label(*reference))
        replaces = not exists or is_schema_changed
        by_ingestion = partitions.is_by_ingestion(resource)
        with _writer(cursor, incoming, query, parameters, isolated=isolated) as (writer, text, bound):
            if replaces and not by_ingestion:
                select = incoming.select(text, incoming.fields, partition)
                (_create if exists or make is None else make)(
                    writer, table, incoming.cast(select), bound, incoming.required
                )
            else:
                with transaction(writer):
                    if replaces:
                        hidden = partitions.hidden_column(resource.timePartitioning)
                        columns = ", ".join([*(types.column(field) for field in incoming.fields), hidden])
                        writer.execute(f"CREATE OR REPLACE TABLE {tables.name(*table)} ({columns})")
                    else:
                        _fit(writer, table, incoming, config, prefix)
                    if partition and disposition == "WRITE_TRUNCATE" and not replaces:
                        writer.execute(f"DELETE FROM {tables.name(*table)} WHERE {partition.condition}")  # noqa: S608
                    expected = incoming.fields if replaces else tables.fields(tables.load(*table))
                    select = incoming.select(text, expected, partition, is_by_ingestion=by_ingestion)
                    writer.execute(f"INSERT INTO {tables.name(*table)} BY NAME {select}", bound)
    if replaces:
        changes = changes.replace(schema={"fields": [one.dump() for one in incoming.fields]})
    tables.annotate(table, changes)
    return stored is None


class _Incoming:
    """The columns of the rows to be stored, with the modes that the job declares."""

    def __init__(self, description: Description, declared: Sequence[TableFieldSchema]) -> None:
        self.kinds = list(zip(results.unique(description.columns), description.types, strict=True))
        by_name = {(field.name or "").casefold(): field for field in declared}
        self.names = [name for name, _ in self.kinds if name != tables.INGESTION_TIME]
        self.fields = [
            _described(types.field(name, kind), by_name.get(name.casefold()))
            for name, kind in self.kinds
            if name != tables.INGESTION_TIME
        ]
        self.is_declared = bool(declared)

    @property
    def required(self) -> list[str]:
        """Return the names of the columns that are never NULL."""
        return [str(field.name) for field in self.fields if field.mode == "REQUIRED"]

    def cast(self, select: str) -> str:
        """Return a query that casts the rows of `select` to the types of a new table."""
        kinds = [f"CAST({quote(one.name)} AS {types.duckdb_type(one)}) AS {quote(one.name)}" for one in self.fields]
        return f"SELECT {', '.join(kinds)} FROM ({select})"  # noqa: S608 - quoted

    def select(
        self,
        text: str,
        expected: Sequence[TableFieldSchema],
        partition: Partition | None,
        *,
        is_by_ingestion: bool = False,
    ) -> str:
        """Return `text` as a query that fails if the columns `expected` cannot store one of its rows.

        `partition` is the destination partition, if any. If a column defines the partition, a row of another partition
        is an error. Otherwise each row gets the partition's start as its ingestion time.
        """
        by_name = {(field.name or "").casefold(): field for field in expected}
        columns = []
        for index, (name, kind) in enumerate(self.kinds):
            if name == tables.INGESTION_TIME and (partition or not is_by_ingestion):
                continue
            value = results._without_null_elements(types.cast(f"c{index}", kind), name, kind)  # noqa: SLF001
            field = by_name.get(name.casefold())
            for condition, message in _refusals(f"c{index}", field) if field else ():
                value = f"CASE WHEN {condition} THEN error({literal(_MARK + message)}) ELSE {value} END"
            columns.append(f"{value} AS {quote(name)}")
        if partition and partition.is_by_ingestion:
            columns.append(f"{partition.time} AS {quote(tables.INGESTION_TIME)}")
        positions = ", ".join(f"c{index}" for index in range(len(self.kinds)))
        select = f"SELECT {', '.join(columns)} FROM ({text}) AS q({positions})"  # noqa: S608 - translated, quoted
        if partition is None or partition.is_by_ingestion:
            return select
        stray = f"Some rows belong to different partitions rather than destination partition {partition.id}"
        checked = (
            f"CASE WHEN {partition.condition} THEN {quote(partition.column)} ELSE error({literal(_MARK + stray)}) END"
        )
        return f"SELECT * REPLACE ({checked} AS {quote(partition.column)}) FROM ({select})"  # noqa: S608


def _described(found: TableFieldSchema, declared: TableFieldSchema | None) -> TableFieldSchema:
    """Return the column as `declared`, but with the type that the rows have.

    `found` describes the column of the rows. If `found` is REPEATED, the result is REPEATED too. If `declared` is None,
    return `found`.
    """
    if declared is None:
        return found
    inner = {(field.name or "").casefold(): field for field in declared.fields or []}
    children = [_described(field, inner.get((field.name or "").casefold())) for field in found.fields or []]
    kept = declared.dump() | {"type": found.type} | ({"fields": [one.dump() for one in children]} if children else {})
    if found.mode == "REPEATED":
        kept["mode"] = "REPEATED"
    return TableFieldSchema.model_validate(kept)


def _refusals(value: str, field: TableFieldSchema, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the SQL conditions under which the column `field` must not store `value`, each with its error message."""
    path += field.name or ""
    if field.mode == "REQUIRED":
        yield f"{value} IS NULL", f"Required field {path} cannot be null"
    if kind_of(field) != "RECORD":
        return
    item = f"e{path.count('.')}" if field.mode == "REPEATED" else value
    for inner in field.fields or []:
        for condition, message in _refusals(f"{item}.{quote(inner.name)}", inner, f"{path}."):
            if field.mode == "REPEATED":
                yield f"list_bool_or(list_transform({value}, {item} -> {condition}))", message
            else:
                yield f"({value} IS NOT NULL AND {condition})", message


def _create(writer: Any, table: Reference, select: str, bound: dict[str, Any] | None, required: Sequence[str]) -> None:
    """Create or replace the table with its rows in one statement. Then mark the columns that are never NULL.

    CREATE must be the first statement of the transaction. Otherwise, while other connections read, DuckLake sometimes
    creates the table in another schema.
    """
    name = tables.name(*table)
    writer.execute(f"CREATE OR REPLACE TABLE {name} AS {select}", bound)
    for column in required:
        writer.execute(f"ALTER TABLE {name} ALTER COLUMN {quote(column)} SET NOT NULL")


def _fit(writer: Any, table: Reference, incoming: _Incoming, config: Any, prefix: str) -> None:
    """Compare the columns of the rows with the table's columns. Refuse new columns and different types.

    If the job allows it, add the new columns, or change REQUIRED columns to NULLABLE.
    """
    options = getattr(config, "schemaUpdateOptions", None) or []
    current = {(field.name or "").casefold(): field for field in tables.fields(tables.load(*table))}
    for field in incoming.fields:
        folded = (field.name or "").casefold()
        if folded not in current:
            if "ALLOW_FIELD_ADDITION" not in options:
                raise BigQueryError("invalid", f"{prefix}Cannot add fields (field: {field.name})")
            added = types.column(field.replace(mode="NULLABLE") if field.mode == "REQUIRED" else field, nested=True)
            writer.execute(f"ALTER TABLE {tables.name(*table)} ADD COLUMN {added}")
            continue
        known = current.pop(folded)
        _compare(field, known, prefix)
        if known.mode == "REQUIRED" and field.mode != "REQUIRED" and incoming.is_declared:
            if "ALLOW_FIELD_RELAXATION" not in options:
                raise BigQueryError("invalid", f"{prefix}Field {field.name} has changed mode from REQUIRED to NULLABLE")
            writer.execute(f"ALTER TABLE {tables.name(*table)} ALTER COLUMN {quote(known.name)} DROP NOT NULL")
    for missing in current.values():
        if missing.mode == "REQUIRED":
            raise BigQueryError("invalid", f"{prefix}Required field {missing.name} cannot be null: it is missing")


def _compare(field: TableFieldSchema, known: TableFieldSchema, prefix: str, path: str = "") -> None:
    name = f"{path}{known.name}"
    if (field.mode == "REPEATED") != (known.mode == "REPEATED"):
        modes = f"from {known.mode or 'NULLABLE'} to {field.mode or 'NULLABLE'}"
        raise BigQueryError("invalid", f"{prefix}Field {name} has changed mode {modes}")
    given, wanted = kind_of(field), kind_of(known)
    if given != wanted and wanted not in _STORED_AS.get(given, ()):
        raise BigQueryError("invalid", f"{prefix}Field {name} has changed type from {wanted} to {given}")
    inner = {(one.name or "").casefold(): one for one in known.fields or []}
    for child in field.fields or []:
        found = inner.get((child.name or "").casefold())
        if found is None:
            raise BigQueryError("invalid", f"{prefix}Cannot add fields (field: {name}.{child.name})")
        _compare(child, found, prefix, f"{name}.")


def _with_partitioning(
    changes: Table, stored: Table | None, partition: str | None, spec: TimePartitioning | None
) -> Table:
    if stored is not None or changes.timePartitioning or changes.rangePartitioning:
        return changes
    spec = partitions.layout_of(partition) if partition is not None else spec
    return changes.replace(timePartitioning=spec.dump()) if spec else changes


def _has_rows(cursor: Any, table: Reference, partition: Partition | None) -> bool:
    where = f" WHERE {partition.condition}" if partition else ""
    return cursor.sql(f"SELECT 1 FROM {tables.name(*table)}{where} LIMIT 1").fetchone() is not None  # noqa: S608


@contextlib.contextmanager
def _writer(
    cursor: Any, incoming: _Incoming, query: str, parameters: dict[str, Any] | None, *, isolated: bool
) -> Iterator[tuple[Any, str, dict[str, Any] | None]]:
    """Yield the connection that writes the table, the query for this connection, and the query's parameters.

    If `isolated`, `cursor` is a session's connection and only reads, because the query may read tables that only the
    session sees. The rows are passed to the writing connection while the query runs.
    """
    with database.cursor() if isolated else contextlib.nullcontext(cursor) as writer:
        text, bound = query, parameters
        if isolated:
            kinds = [f"CAST({quote(name)} AS {kind}) AS {quote(name)}" for name, kind in incoming.kinds]
            renamed = ", ".join(f"{quote(name)}" for name, _ in incoming.kinds)
            rows = cursor.sql(f"SELECT * FROM ({query}) AS q({renamed})", params=parameters)  # noqa: S608
            writer.register(_SOURCE, rows.to_arrow_reader())
            text, bound = f"SELECT {', '.join(kinds)} FROM {_SOURCE}", None  # noqa: S608 - quoted
        try:
            yield writer, text, bound
        finally:
            if isolated:
                writer.unregister(_SOURCE)


@contextlib.contextmanager
def transaction(writer: Any) -> Iterator[None]:
    """Make all writes visible together. If a write fails, make no write visible."""
    writer.execute("BEGIN")
    try:
        yield
        writer.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            writer.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Use BigQuery's error message if a row cannot be stored."""
    try:
        yield
    except duckdb.InvalidInputException as error:
        message = str(error).partition(_MARK)[2]
        if not message:
            raise
        raise BigQueryError("invalid", message.split("\n")[0]) from None


def _as_reference(table: Reference) -> dict[str, str]:
    return dict(zip(("projectId", "datasetId", "tableId"), table, strict=True))
