"""DuckLake's own metadata of a project, which answers in a fraction of the time that DuckDB's catalog takes.

DuckLake reads the whole catalog anew, all columns of all tables, for the first statement after a table was made.
"""

from local_bigquery.catalog.tables import INGESTION_TIME
from local_bigquery.engine import database

_VERSION = "select max(schema_version) from {metadata}.ducklake_snapshot"
_DATASET = "select 1 from {metadata}.ducklake_schema where end_snapshot is null and schema_name = $1"
_WIDTH = """
select count(*)
from {metadata}.ducklake_table as t
join {metadata}.ducklake_schema as d on t.schema_id = d.schema_id and d.end_snapshot is null
join {metadata}.ducklake_column as c on t.table_id = c.table_id and c.end_snapshot is null
where t.end_snapshot is null and d.schema_name = $1 and t.table_name = $2 and c.parent_column is null
and c.column_name <> $3
"""


def metadata(project: str) -> str:
    """Return the quoted name of the database that holds it."""
    return str(database.quote(f"__ducklake_metadata_{project}"))


def version(project: str) -> int:
    """Return a number that changes with every table or view that is made, changed or dropped."""
    [(found,)] = database.fetch(_VERSION.format(metadata=metadata(project)))
    return int(found)


def has_dataset(project: str, dataset: str) -> bool:
    """Return whether there is such a dataset."""
    return bool(database.fetch(_DATASET.format(metadata=metadata(project)), [dataset]))


def width(project: str, dataset: str, table: str) -> int:
    """Return the number of a table's columns."""
    statement = _WIDTH.format(metadata=metadata(project))
    [(found,)] = database.fetch(statement, [dataset, table, INGESTION_TIME])
    return int(found)
