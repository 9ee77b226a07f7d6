"""Find the rows of a partition. A partition is named after its table and its id, as in `table$20240517`.

BigQuery accepts such names in load, copy, extract and query jobs, in streaming, and in tables.get, tables.delete and
tabledata.list. The local BigQuery accepts them in the same places. All other requests refuse such names, so a table
never has such a name.

Source: https://cloud.google.com/bigquery/docs/managing-partitioned-table-data
"""

import datetime as dt
from dataclasses import dataclass

from local_bigquery.catalog import names, tables
from local_bigquery.engine import types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table, TableFieldSchema, TimePartitioning

NULL, UNPARTITIONED = "__NULL__", "__UNPARTITIONED__"
_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_LENGTHS = {"HOUR": 10, "DAY": 8, "MONTH": 6, "YEAR": 4}
_NAMES = {"HOUR": "YYYYMMDDHH", "DAY": "YYYYMMDD", "MONTH": "YYYYMM", "YEAR": "YYYY"}

Reference = tuple[str, str, str]


@dataclass(frozen=True)
class Partition:
    """A partition of a table.

    `condition` is an SQL predicate for the partition's rows. `time` is an SQL literal of the partition's start, or None
    if the partition is a range of integers, __NULL__ or __UNPARTITIONED__.
    """

    id: str
    column: str
    condition: str
    time: str | None = None

    @property
    def is_by_ingestion(self) -> bool:
        """Return whether the ingestion time, and not a column, determines which rows belong to the partition."""
        return bool(self.column == tables.INGESTION_TIME)


def split(reference: Reference) -> tuple[Reference, str | None]:
    """Return the table, and the id of the partition. The id is None if the name contains no partition."""
    project, dataset, name = reference
    table, mark, partition = name.partition("$")
    return (project, dataset, table), partition if mark else None


def of(table: Table, partition: str) -> Partition:
    """Return the partition with this id.

    Raises:
        BigQueryError: invalid, if the table is not partitioned or its partitions cannot have such an id.
    """
    if spec := table.timePartitioning:
        kind = spec.type or "DAY"
        column = spec.field or tables.INGESTION_TIME
        if partition in {NULL, UNPARTITIONED}:
            return _special(partition, column)
        first, last = _interval(kind, partition)
        column_type = _column_type(table, spec)
        literals = [_literal(moment, column_type) for moment in (first, last)]
        condition = f"{quote(column)} >= {literals[0]}"
        condition += f" AND {quote(column)} < {literals[1]}" if last else ""
        return Partition(partition, column, f"({condition})", literals[0])
    if ranges := table.rangePartitioning:
        column = ranges.field or ""
        if partition in {NULL, UNPARTITIONED}:
            return _special(partition, column)
        step, first_of_all = int(ranges.range.interval), int(ranges.range.start)
        start = _integer(partition)
        if start is None or (start - first_of_all) % step or not first_of_all <= start < int(ranges.range.end):
            raise BigQueryError("invalid", f"Invalid partition id {partition}: it must be the start of a range")
        return Partition(partition, column, f"({quote(column)} >= {start} AND {quote(column)} < {start + step})")
    label = names.label(*tables.reference(table.tableReference))
    raise BigQueryError(
        "invalid",
        f"Cannot read partition information from a table that is not partitioned: {label}${partition}",
    )


def writable(table: Table, partition: str) -> Partition:
    """Return the partition with this id for a write. The streaming buffer, __UNPARTITIONED__, is refused.

    Raises:
        BigQueryError: invalid, as in `of`, or because the partition is the streaming buffer.
    """
    if partition == UNPARTITIONED:
        raise BigQueryError("invalid", f"The partition {UNPARTITIONED} cannot be written to")
    return of(table, partition)


def layout_of(partition: str) -> TimePartitioning:
    """Return the partitioning of a new table that a job creates by writing to the partition with this id.

    Raises:
        BigQueryError: invalid, if the id is not a time.
    """
    kind = next((kind for kind, length in _LENGTHS.items() if length == len(partition)), "DAY")
    _interval(kind, partition)
    return TimePartitioning(type=kind)


def source(reference: Reference) -> str:
    """Return SQL for FROM that reads the rows of a table, or of the partition in the table's name."""
    table, partition = split(reference)
    name: str = tables.name(*table)
    if partition is None:
        return name
    return f"(SELECT * FROM {name} WHERE {of(tables.load(*table), partition).condition})"  # noqa: S608 - quoted


def is_by_ingestion(table: Table | None) -> bool:
    """Return whether the table is partitioned by ingestion time."""
    spec = table.timePartitioning if table else None
    return spec is not None and spec.field is None


def hidden_column(spec: TimePartitioning) -> str:
    """Return the SQL definition of the hidden column, which _PARTITIONTIME and _PARTITIONDATE read."""
    unit = (spec.type or "DAY").lower()
    default = f"CAST(date_trunc('{unit}', current_timestamp) AS TIMESTAMPTZ)"
    return f"{quote(tables.INGESTION_TIME)} TIMESTAMPTZ DEFAULT {default}"


def _special(partition: str, column: str) -> Partition:
    # Streamed rows are written to their partition at once, so the streaming buffer is always empty.
    is_null = partition == NULL and column != tables.INGESTION_TIME
    return Partition(partition, column, f"({quote(column)} IS NULL)" if is_null else "(FALSE)")


def _interval(kind: str, partition: str) -> tuple[dt.datetime, dt.datetime | None]:
    """Return the start and the end of a partition. The end is None if it would be after the year 9999."""
    is_number = partition.isascii() and partition.isdigit() and len(partition) == _LENGTHS[kind]
    try:
        first = dt.datetime.strptime(partition if is_number else "", _FORMATS[kind])  # noqa: DTZ007 - it has no zone
    except ValueError:
        raise BigQueryError(
            "invalid", f"Invalid time partition id {partition}: for partitions by {kind} it must be {_NAMES[kind]}"
        ) from None
    try:
        match kind:
            case "HOUR":
                return first, first + dt.timedelta(hours=1)
            case "DAY":
                return first, first + dt.timedelta(days=1)
            case "MONTH":
                return first, (first.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        return first, first.replace(year=first.year + 1)
    except (OverflowError, ValueError):
        return first, None


def _column_type(table: Table, spec: TimePartitioning) -> str:
    fields: list[TableFieldSchema] = tables.fields(table)
    found = next((one for one in fields if (one.name or "").casefold() == (spec.field or "").casefold()), None)
    return types.duckdb_type(found.replace(mode="NULLABLE")) if found else "TIMESTAMPTZ"


def _literal(moment: dt.datetime | None, column_type: str) -> str:
    text = moment.isoformat(" ") if moment else ""
    return f"CAST('{text}' AS {column_type})"


def _integer(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
