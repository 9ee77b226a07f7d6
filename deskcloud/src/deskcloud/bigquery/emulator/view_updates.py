"""Replace a view if tables.patch or tables.update changes its query.

Without this module, local-bigquery would store the new query, but the view would still run the old one.
"""

from collections.abc import Callable
from typing import Any

from local_bigquery.catalog import metadata, tables
from local_bigquery.jobs.query import translate_view
from local_bigquery.models import Table

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Wrap local-bigquery's update of tables and views, so that a view is replaced if its query changes."""
    patching.wrap(tables, "update", _update, "a view keeps its old query")


def _update(
    update: Callable[..., Table], project: str, dataset: str, name: str, body: Table, etag: str | None, *rest: Any
) -> Table:
    current = tables.load(project, dataset, name)
    if not (body.view and current.view) or body.view.query == current.view.query:
        return update(project, dataset, name, body, etag, *rest)
    metadata.check_etag(current, etag)
    # Translate the query first, so that an invalid query is refused before the old view is deleted.
    translate_view(project, dataset, body.view.query)
    tables.delete(project, dataset, name)
    return tables.create(project, dataset, current.merged(body).replace(schema_=None, etag=None), translate_view)
