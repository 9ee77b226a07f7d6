"""Read a project's metadata from DuckLake's own tables, which is much faster than DuckDB's catalog.

DuckDB's catalog is slow with DuckLake. After a table is created, the next use of the catalog loads all columns of all
tables.
"""

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from local_bigquery.catalog.tables import INGESTION_TIME
from local_bigquery.engine import database

from deskcloud.bigquery.emulator import lake_columns

_VERSION = "select max(schema_version) from {metadata}.ducklake_snapshot"
DATASET = "select schema_id from {metadata}.ducklake_schema where end_snapshot is null and schema_name = $1"
_OBJECTS = """
select t.table_name, 'TABLE', coalesce(s.record_count, 0)
from {metadata}.ducklake_table as t
join {metadata}.ducklake_schema as d on t.schema_id = d.schema_id and d.end_snapshot is null
left join {metadata}.ducklake_table_stats as s on t.table_id = s.table_id
where t.end_snapshot is null and d.schema_name = $1
union all
select v.view_name, 'VIEW', 0
from {metadata}.ducklake_view as v
join {metadata}.ducklake_schema as d on v.schema_id = d.schema_id and d.end_snapshot is null
where v.end_snapshot is null and d.schema_name = $1
order by 1
"""
_OBJECT = """
select t.table_name, t.table_id
from {metadata}.ducklake_table as t
join {metadata}.ducklake_schema as d on t.schema_id = d.schema_id and d.end_snapshot is null
where t.end_snapshot is null and d.schema_name = $1 and t.table_name = $2
union all
select v.view_name, null
from {metadata}.ducklake_view as v
join {metadata}.ducklake_schema as d on v.schema_id = d.schema_id and d.end_snapshot is null
where v.end_snapshot is null and d.schema_name = $1 and v.view_name = $2
"""
_COUNT = "select record_count from {metadata}.ducklake_table_stats where table_id = $1"
_NESTED_COLUMNS = """
from {metadata}.ducklake_table as t
join {metadata}.ducklake_schema as d on t.schema_id = d.schema_id and d.end_snapshot is null
join {metadata}.ducklake_column as c on t.table_id = c.table_id and c.end_snapshot is null
where t.end_snapshot is null and d.schema_name = $1
"""
_COLUMNS = f"{_NESTED_COLUMNS} and c.parent_column is null"
_ALL_COLUMNS = f"""
select c.column_id, c.column_name, c.column_type, c.nulls_allowed, c.parent_column {_NESTED_COLUMNS}
and t.table_name = $2 order by c.column_order
"""
_WIDTHS = f"select t.table_name, count(*) {_COLUMNS} group by t.table_name"
_WIDTH = f"select count(*) {_COLUMNS} and t.table_name = $2 and c.column_name <> $3"
_HAS_COLUMN = f"select 1 {_COLUMNS} and t.table_name = $2 and c.column_name = $3"
_reading = threading.local()
# Maps a project to the version of its tables, and to the metadata that was read at this version.
_known: dict[str, tuple[int, dict[Any, Any]]] = {}


def metadata(project: str) -> str:
    """Return the quoted name of the database that holds a project's metadata."""
    return str(database.quote(f"__ducklake_metadata_{project}"))


def version(project: str) -> int:
    """Return a number that changes whenever a table or view of the project is created, changed or dropped."""
    seen: dict[str, int] | None = getattr(_reading, "versions", None)
    if seen is None:
        return _version(project)
    if project not in seen:
        seen[project] = _version(project)
    return seen[project]


def _version(project: str) -> int:
    [(found,)] = database.fetch(_VERSION.format(metadata=metadata(project)))
    return int(found)


@contextlib.contextmanager
def at_one_version() -> Iterator[None]:
    """Read the version of each project only once inside this context, in this thread."""
    if getattr(_reading, "versions", None) is not None:
        yield
        return
    _reading.versions = {}
    try:
        yield
    finally:
        _reading.versions = None


def remembered[T](project: str, asked: Hashable, find: Callable[[], T]) -> T:
    """Return the result of `find`, which is called once per version of the project's tables.

    `asked` is the cache key. The results are remembered because one statement needs the same metadata several times.
    Reading the metadata takes 4 ms, but reading the version takes only 0.5 ms.

    Results of older versions are discarded. Otherwise the columns would take 0.1 MB per table and version.
    """
    now = version(project)
    known_at, known = _known.get(project, (None, {}))
    if known_at != now:
        known = {}
        _known[project] = now, known
    if asked not in known:
        known[asked] = find()
    found: T = known[asked]
    return found


def has_dataset(project: str, dataset: str) -> bool:
    """Return whether the dataset exists."""
    return bool(database.fetch(DATASET.format(metadata=metadata(project)), [dataset]))


def objects(project: str, dataset: str) -> list[tuple[str, str, int]]:
    """Return the name, the kind (TABLE or VIEW) and the number of rows of each table and view in a dataset."""
    found: list[tuple[str, str, int]] = database.fetch(_OBJECTS.format(metadata=metadata(project)), [dataset])
    return found


def find(project: str, dataset: str, table: str) -> list[tuple[str, str, int]]:
    """Return the name, the kind and the number of rows of one table or view, in a list. The list may be empty."""
    rows = _rows(project, _OBJECT, dataset, table)
    return [
        (name, "VIEW" if key is None else "TABLE", 0 if key is None else _count(project, key)) for name, key in rows
    ]


def _count(project: str, key: int) -> int:
    rows = database.fetch(_COUNT.format(metadata=metadata(project)), [key])
    return int(rows[0][0]) if rows else 0


def has_column(project: str, dataset: str, table: str, column: str) -> bool:
    """Return whether a table has a column with this name."""
    return bool(_rows(project, _HAS_COLUMN, dataset, table, column))


def columns(project: str, dataset: str, table: str) -> list[lake_columns.Row]:
    """Return a row of `ducklake_column` for each column and nested field of a table; nothing for a view."""
    found = database.fetch(_ALL_COLUMNS.format(metadata=metadata(project)), [dataset, table])
    return [lake_columns.Row(*row) for row in found]


def _rows(project: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    def find() -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = database.fetch(statement.format(metadata=metadata(project)), list(values))
        return found

    return remembered(project, (statement, *values), find)


def widths(project: str, dataset: str) -> dict[str, int]:
    """Return the number of columns of each table in a dataset, including the hidden column with the ingestion time."""
    return dict(database.fetch(_WIDTHS.format(metadata=metadata(project)), [dataset]))


def width(project: str, dataset: str, table: str) -> int:
    """Return the number of columns of a table, without the hidden column with the ingestion time."""
    statement = _WIDTH.format(metadata=metadata(project))
    [(found,)] = database.fetch(statement, [dataset, table, INGESTION_TIME])
    return int(found)
