"""Apply a job's location as BigQuery does. A job finds only datasets in its location, and creates datasets there.

The gateway sends the location in a header. A job without a location may use datasets in any location.
"""

import functools
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from local_bigquery.catalog import ddl, metadata, options
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner
from local_bigquery.models import Dataset, JobConfiguration
from local_bigquery.sql.rules import STATEMENT_RULES, tables
from sqlglot import exp
from starlette.types import ASGIApp, Receive, Scope, Send

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.place import LOCATION_HEADER

_LOCATIONS = "SELECT project_id, dataset_id, resource ->> 'location' FROM emulator.datasets"
_named: ContextVar[str] = ContextVar("location", default="")


def add() -> None:
    """Make jobs and statements check the locations of their datasets, and create datasets in the job's location."""
    unread = "locations of jobs are ignored"
    STATEMENT_RULES.insert(patching.position(STATEMENT_RULES, tables, "qualify", unread), _check_statement)
    patching.wrap(runner, "submit", _submit, unread)
    for name in ("save", "delete"):
        patching.wrap(metadata, name, _changed, "cached locations change with a dataset")
    patching.wrap(ddl, "options", _options, "datasets are not created in the job's location")


def missing(kind: str, label: str, location: str = "US") -> BigQueryError:
    """Return the error for a dataset or table that does not exist in a location. `kind` is "Dataset" or "Table"."""
    return BigQueryError("notFound", f"Not found: {kind} {label} was not found in location {location}")


def asgi(app: ASGIApp) -> ASGIApp:
    """Wrap `app`, so that all work for a request knows the location in the request's header."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        _named.set(headers.get(LOCATION_HEADER.encode(), b"").decode("latin-1"))
        await app(scope, receive, send)

    return told


def _submit(original: Any, project: str, job_id: str, configuration: JobConfiguration, *more: Any) -> Any:
    named = (
        configuration.replace(query=configuration.query.without("queryParameters"))
        if configuration.query
        else configuration
    )
    _check(_datasets(named.dump()))
    return original(project, job_id, configuration, *more)


def _datasets(configuration: Any) -> Iterator[tuple[str, str]]:
    """Yield the datasets that a job's configuration names, at any depth."""
    match configuration:
        case {"projectId": str(project), "datasetId": str(dataset)}:
            yield project, dataset
        case dict():
            for one in configuration.values():
                yield from _datasets(one)
        case list():
            for one in configuration:
                yield from _datasets(one)


def _check_statement(tree: exp.Expr, context: Any) -> exp.Expr:
    is_new = isinstance(tree, exp.Create) and tree.args.get("kind") == "SCHEMA"
    if _named.get() and not is_new:
        _check((one.catalog or context.project_id, one.db) for one in tree.find_all(exp.Table) if one.db)
    return tree


def _check(datasets: Iterable[tuple[str, str]]) -> None:
    if not (location := _named.get()):
        return
    for dataset in datasets:
        if _known().get(dataset, location).casefold() != location.casefold():
            raise missing("Dataset", ":".join(dataset), location)


@functools.cache
def _known() -> dict[tuple[str, str], str]:
    return {(project, dataset): location or "US" for project, dataset, location in database.fetch(_LOCATIONS)}


def _changed(original: Any, what: Any, *keys: str) -> Any:
    """Save or delete a resource. If the resource is a dataset, clear the cache of locations."""
    changed = original(what, *keys)
    if what is Dataset or isinstance(what, Dataset):
        _known.cache_clear()
    return changed


def _options(original: Any, node: exp.Expr | None, mapping: dict[str, Any], evaluate: Any) -> dict[str, Any]:
    found: dict[str, Any] = original(node, mapping, evaluate)
    if mapping is not options.DATASET_OPTIONS or isinstance(node, exp.Alter):
        return found
    # sqlglot parses the location as a separate clause and not as one of the options.
    given = node.find(exp.LocationProperty) if node else None
    location = evaluate(given.this) if given else _named.get()
    return found | ({"location": location} if location else {})
