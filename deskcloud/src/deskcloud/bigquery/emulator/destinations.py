"""Report the table that a statement has written, and let clients write to the anonymous dataset.

The job's destinationTable is the table that the statement created or changed. dbt reads how many rows this table has.
The anonymous dataset stores query results. Clients may also create tables in this dataset, e.g. ibis for its joins.
Such tables live for one day.
"""

from collections.abc import Callable
from typing import Any

from local_bigquery.api import jobs
from local_bigquery.catalog import datasets, names, tables
from local_bigquery.engine import database
from local_bigquery.engine.database import quote
from local_bigquery.jobs import query
from local_bigquery.models import Dataset, Job, TableReference
from sqlglot import exp

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.query_results import LIFETIME_SECONDS

# These statements write a table and return no rows. Their jobs report the written table as destinationTable.
_WRITING = {"CREATE_TABLE_AS_SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"}


def add() -> None:
    """Make statements report the table that they wrote, and let clients create tables in the anonymous dataset."""
    reason = "the table that a statement wrote is not reported"
    patching.wrap(query, "_statement", _noted, reason)
    patching.wrap(query, "_execute", _with_destination, reason)
    patching.wrap(jobs, "results", _without_rows, "the written table's rows are returned as the statement's result")
    patching.wrap(datasets, "exists", _exists, "the anonymous dataset refuses clients' tables")


def _noted(original: Callable[..., Any], cursor: Any, tree: exp.Expr, context: Any, *arguments: Any) -> Any:
    """Run the statement `tree`. Then store in `context` which table the statement wrote."""
    statistics = original(cursor, tree, context, *arguments)
    if statistics.statementType in _WRITING and not tree.find(exp.TemporaryProperty):
        context.written = _target(tree, context)
    return statistics


def _target(tree: exp.Expr, context: Any) -> TableReference | None:
    table = tree.find(exp.Table)
    if table is None or table.name.casefold() in context.temporary:
        return None
    project, dataset, name = names.reference(table, context.project_id, context.dataset_id)
    return TableReference(projectId=project, datasetId=dataset, tableId=name) if dataset else None


def _with_destination(original: Callable[..., Any], *arguments: Any) -> tuple[Any, list[Any], Any]:
    statistics, children, destination = original(*arguments)
    context = arguments[-2]
    return statistics, children, destination or (None if children else getattr(context, "written", None))


def _without_rows(original: Callable[..., Any], job: Job, *arguments: Any) -> Any:
    statistics = job.statistics and job.statistics.query
    if statistics and statistics.statementType in _WRITING and job.configuration:
        asked = job.configuration.query.without("destinationTable")
        job = job.replace(configuration=job.configuration.replace(query=asked))
    return original(job, *arguments)


def _exists(original: Callable[[str, str], bool], project: str, dataset: str) -> bool:
    if original(project, dataset):
        return True
    if dataset != tables.RESULTS or project not in database._attached:  # noqa: SLF001
        return False
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(project, dataset)}")
    datasets.record(project, dataset, Dataset(defaultTableExpirationMs=str(LIFETIME_SECONDS * 1000)))
    return True
