"""Where local-bigquery 0.3.2 answers otherwise than BigQuery's discovery document says, mended in its own process.

    the last page       of a list has null for the next page's token
    tables in a list    have fields that only a whole table has
    jobs.query          puts its own parameters into the job's configuration
    getQueryResults     tells the statement's type and counts, as jobs.query alone does

tests/fixtures/conversation.py holds every answer against that document.
"""

import functools
from collections.abc import Callable
from typing import Any

from fastapi import Response
from local_bigquery.api import datasets, jobs, projects, routines, row_access_policies
from local_bigquery.api import tables as table_routes
from local_bigquery.catalog import tables
from local_bigquery.models import Table, TableListTablesItem, TableListTablesItemView

_LISTS: tuple[tuple[Any, str], ...] = (
    (datasets, "DatasetList"),
    (projects, "ProjectList"),
    (routines, "ListRoutinesResponse"),
    (row_access_policies, "ListRowAccessPoliciesResponse"),
    (table_routes, "TableList"),
)
_OF_THE_REQUEST = ("maxResults", "requestId", "location")
_OF_A_QUERY = ("statementType", "dmlStats")


def apply() -> None:
    """Put the mends in place."""
    for module, name in _LISTS:
        setattr(module, name, functools.partial(_without_nulls, getattr(module, name)))
    jobs.QUERY_ONLY = (*jobs.QUERY_ONLY, *_OF_THE_REQUEST)
    jobs.with_rows = functools.partial(_with_rows, jobs.with_rows)
    tables.list_ = functools.partial(_listed, tables.list_)


def _without_nulls[T](kind_of_list: Callable[..., T], /, **values: Any) -> T:
    return kind_of_list(**{name: value for name, value in values.items() if value is not None})


def _with_rows(original: Callable[..., Response], payload: dict[str, Any], rows: list[str]) -> Response:
    if payload["kind"] == "bigquery#getQueryResultsResponse":
        payload = {name: value for name, value in payload.items() if name not in _OF_A_QUERY}
    return original(payload, rows)


def _listed(original: Callable[..., list[Table]], *place: str) -> list[Table]:
    return [_summary(table) for table in original(*place)]


def _summary(table: Table) -> Table:
    summary = table.only(*TableListTablesItem.model_fields)
    return summary.replace(view=table.view.only(*TableListTablesItemView.model_fields)) if table.view else summary
