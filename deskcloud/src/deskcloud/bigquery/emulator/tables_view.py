"""Read `__TABLES__` in one query. local-bigquery reads each table and its columns separately, in 27 ms per table."""

from collections.abc import Callable
from typing import Any

from local_bigquery.catalog import datasets, tables
from local_bigquery.catalog import metadata as resources
from local_bigquery.engine import database
from local_bigquery.models import Table
from local_bigquery.sql.rules import information_schema

from deskcloud.bigquery.emulator import lake_metadata, patching

_COLUMNS = [
    *("project_id", "dataset_id", "table_id", "creation_time INT64", "last_modified_time INT64"),
    *("row_count INT64", "size_bytes INT64", "type INT64"),
]


def add() -> None:
    """Replace local-bigquery's view `__TABLES__`."""
    patching.wrap(information_schema, "VIEWS", _tables, "asks for each table alone", key="__TABLES__")


def _tables(
    original: Callable[[str, str | None], tuple[list[str], list[list[Any]]]], project_id: str, dataset_id: str | None
) -> tuple[list[str], list[list[Any]]]:
    if project_id not in database._attached or dataset_id is None:  # noqa: SLF001 - no public name exists
        return original(project_id, dataset_id)
    datasets.get(project_id, dataset_id)
    widths = lake_metadata.widths(project_id, dataset_id)
    kept = {one.tableReference.tableId: one for one in resources.list_(Table, project_id, dataset_id)}
    found = {name: (kind, count) for name, kind, count in database.objects(project_id, dataset_id)}
    rows = []
    for name in sorted(found.keys() | kept.keys()):
        if tables.expired(kept.get(name)):
            continue
        kind, count = found.get(name, ("TABLE", 0))
        table = kept.get(name) or tables.defaults(project_id, dataset_id, name)
        size = tables.logical_bytes(count, widths.get(name, 0))
        is_table = (table.type if table.type in tables.STORED_TYPES else kind) == "TABLE"
        times = [int(table.creationTime or 0), int(table.lastModifiedTime or 0)]
        rows.append([project_id, dataset_id, name, *times, count, size, 1 if is_table else 2])
    return _COLUMNS, rows
