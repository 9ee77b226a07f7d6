"""Correct answers of local-bigquery 0.3.2 that differ from BigQuery's discovery document.

local-bigquery has these faults:

lists             The last page of a list has a null page token.
listed tables     The tables in a list have fields that only a single table's resource may have.
jobs.query        Parameters of the request, such as maxResults, are copied into the job's configuration.
times             A time outside the years 1 to 9999 is not refused by the query, and fails later.
arrays            An array inside a struct may hold NULL, which the API cannot return.
routines          A routine's resource has the field `kind`.
getQueryResults   The answer has the statement's type and counts, which only jobs.query may return.

The tests check every answer against the discovery document (deskcloud/tests/desk/conversation.py).
"""

from collections.abc import Callable
from typing import Any

from fastapi import Response
from local_bigquery.api import datasets, jobs, projects, routines, row_access_policies
from local_bigquery.api import tables as table_routes
from local_bigquery.catalog import routines as stored_routines
from local_bigquery.catalog import tables
from local_bigquery.engine import results
from local_bigquery.engine.database import quote
from local_bigquery.models import Routine, Table, TableListTablesItem, TableListTablesItemView

from deskcloud.bigquery.emulator import patching

_LISTS: tuple[tuple[Any, str], ...] = (
    (datasets, "DatasetList"),
    (projects, "ProjectList"),
    (routines, "ListRoutinesResponse"),
    (row_access_policies, "ListRowAccessPoliciesResponse"),
    (table_routes, "TableList"),
)
# Maps a DuckDB type to the first and the last value that BigQuery can represent. DuckDB can represent more values.
_RANGES = {
    "date": ("0001-01-01", "9999-12-31"),
    "timestamp": ("0001-01-01", "9999-12-31 23:59:59.999999"),
    "timestamp with time zone": ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"),
}
_NULL_ELEMENT = "Array cannot have a null element; error in writing field"
_OF_THE_REQUEST = ("maxResults", "requestId", "location")
_OF_A_QUERY = ("statementType", "dmlStats")


def add() -> None:
    """Wrap or replace the functions with which local-bigquery builds these answers."""
    for module, name in _LISTS:
        patching.wrap(module, name, _without_nulls, "the last page of a list has a null page token")
    patching.change(
        jobs,
        "QUERY_ONLY",
        lambda names: (*names, *_OF_THE_REQUEST),
        "jobs.query puts its own parameters into the job's configuration",
    )
    patching.wrap(jobs, "with_rows", _with_rows, "getQueryResults lacks the statement's type and counts")
    patching.replace(
        results,
        "_without_null_elements",
        _writable,
        "times beyond the year 9999 fail, and arrays inside of structs may hold NULL",
    )
    patching.wrap(tables, "list_", _listed, "listed tables have fields that only a single table's resource has")
    for name in ("save", "load"):
        patching.wrap(stored_routines, name, _without_kind, "routines have a kind, which BigQuery's lack")


def _without_nulls[T](kind_of_list: Callable[..., T], /, **values: Any) -> T:
    return kind_of_list(**{name: value for name, value in values.items() if value is not None})


def _with_rows(original: Callable[..., Response], payload: dict[str, Any], rows: list[str]) -> Response:
    if payload["kind"] == "bigquery#getQueryResultsResponse":
        payload = {name: value for name, value in payload.items() if name not in _OF_A_QUERY}
    return original(payload, rows)


def _without_kind(original: Callable[..., Routine | None], *arguments: Any) -> Routine | None:
    routine = original(*arguments)
    return routine.without("kind") if routine else None


def _listed(original: Callable[..., list[Table]], *place: str) -> list[Table]:
    return [_summary(table) for table in original(*place)]


def _summary(table: Table) -> Table:
    summary = table.only(*TableListTablesItem.model_fields)
    return summary.replace(view=table.view.only(*TableListTablesItemView.model_fields)) if table.view else summary


def _writable(expression: str, column: str, kind: Any) -> str:
    if kind.id in _RANGES:
        first, last = _RANGES[kind.id]
        return (
            f"CASE WHEN {expression} < {kind} '{first}' OR {expression} > {kind} '{last}' "
            f"THEN error('A date or time is not between the years 1 and 9999: {column.replace("'", "''")}') "
            f"ELSE {expression} END"
        )
    test = _has_null_element(expression, kind, 0)
    words = f"{_NULL_ELEMENT} {column}".replace("'", "''")
    return f"CASE WHEN {test} THEN error('{words}') ELSE {expression} END" if test else expression


def _has_null_element(value: str, kind: Any, depth: int) -> str:
    """Return a SQL test for NULL in the arrays of a value, or an empty string if the type contains no array."""
    if kind.id in {"list", "array"}:
        one = f"e{depth}"
        inner = _has_null_element(one, kind.child, depth + 1)
        return f"list_bool_or(list_transform({value}, {one} -> {one} IS NULL{f' OR {inner}' if inner else ''}))"
    if kind.id == "struct":
        tests = (_has_null_element(f"{value}.{quote(name)}", child, depth) for name, child in kind.children if name)
        return " OR ".join(f"coalesce({test}, false)" for test in tests if test)
    return ""
