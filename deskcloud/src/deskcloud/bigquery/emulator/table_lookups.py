"""Look up tables, datasets and columns in DuckLake's metadata, and query results in their files.

DuckDB's catalog lists all tables of all databases, and DuckLake reads the catalog again after each new table. For 62
tables, this takes 160 ms. Reading DuckLake's metadata takes 2 ms.

DuckDB's DESCRIBE takes 50 ms after each new table. Reading a table's columns in DuckLake's metadata takes 5 ms, so the
columns are cached until any table changes.
"""

from collections.abc import Callable

import duckdb
from local_bigquery.catalog import datasets, tabledata, tables
from local_bigquery.engine import database, types
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql.rules import partitions
from sqlglot import exp

from deskcloud.bigquery.emulator import lake_columns, lake_metadata, patching, query_results, wildcard_views


def add() -> None:
    """Replace local-bigquery's lookups. Call this function before `add` of the modules that wrap the lookups."""
    slow = "each table lookup lists all tables of all databases"
    patching.wrap(database, "objects", _objects, slow)
    patching.wrap(database, "projects", _projects, "the temporary lakes of making.py are listed as projects")
    patching.wrap(datasets, "exists", _has_dataset, slow)
    for module in (tables, tabledata):
        patching.replace(module, "columns", _columns_of, "each statement reads the columns of its tables again")
    patching.wrap(partitions, "_hidden", _has_ingestion_time, "each name is looked up among all columns of all tables")


def _has_ingestion_time(original: Callable[[exp.Table], bool], table: exp.Table) -> bool:
    if table.catalog not in database._attached or not isinstance(table.this, exp.Identifier):  # noqa: SLF001
        return original(table)
    return lake_metadata.has_column(table.catalog, table.db, table.name, tables.INGESTION_TIME)


def _projects(original: Callable[[], list[str]]) -> list[str]:
    """Return the projects, but not the lakes that making.py attaches temporarily."""
    return [name for name in original() if name in database._attached]  # noqa: SLF001 - no public name exists


def _has_dataset(original: Callable[[str, str], bool], project_id: str, dataset_id: str) -> bool:
    if project_id not in database._attached:  # noqa: SLF001 - no public name exists
        return original(project_id, dataset_id)
    return lake_metadata.has_dataset(project_id, dataset_id)


def _objects(
    original: Callable[..., list[tuple[str, str, int]]], project_id: str, dataset_id: str, table_id: str | None = None
) -> list[tuple[str, str, int]]:
    if table_id and (result := query_results.name_of(project_id, table_id)):
        count = query_results.kept_results().as_table(result)
        return [] if count is None else [(table_id, "TABLE", count)]
    if project_id not in database._attached:  # noqa: SLF001 - no public name exists
        return original(project_id, dataset_id, table_id)
    if table_id is None:
        return lake_metadata.objects(project_id, dataset_id)
    return lake_metadata.find(project_id, dataset_id, table_id)


def _columns_of(project_id: str, dataset_id: str, table_id: str) -> list[TableFieldSchema]:
    """Return a table's columns. They are cached until any table of the project changes."""
    if project_id not in database._attached or dataset_id == tables.RESULTS:  # noqa: SLF001 - no public name exists
        return _columns(project_id, dataset_id, table_id)
    asked = project_id, dataset_id, table_id
    return list(lake_metadata.remembered(project_id, asked, lambda: _columns_in_lake(*asked) or _columns(*asked)))


def _columns_in_lake(project_id: str, dataset_id: str, table_id: str) -> list[TableFieldSchema]:
    """Return a table's columns. Return an empty list for a view, and if there is no such table."""
    found = lake_columns.fields(lake_metadata.columns(project_id, dataset_id, table_id))
    return [field for field in found if field.name != tables.INGESTION_TIME]


def _columns(project_id: str, dataset_id: str, table_id: str) -> list[TableFieldSchema]:
    name = tables.name(project_id, dataset_id, table_id)
    with database.cursor() as cursor:
        try:
            required = {row[0] for row in cursor.execute(f"DESCRIBE {name}").fetchall() if row[2] == "NO"}
            relation = cursor.sql(f"SELECT * FROM {name} LIMIT 0")  # noqa: S608 - quoted
        except duckdb.Error as error:
            if (kept := wildcard_views.kept_columns((project_id, dataset_id, table_id))) is not None:
                return kept
            if isinstance(error, duckdb.CatalogException):
                raise tables.not_found("Table", tables.names.label(project_id, dataset_id, table_id)) from None
            raise
        return [
            types.field(column, kind, column in required)
            for column, kind in zip(relation.columns, relation.types, strict=True)
            if column != tables.INGESTION_TIME or dataset_id == tables.RESULTS
        ]
