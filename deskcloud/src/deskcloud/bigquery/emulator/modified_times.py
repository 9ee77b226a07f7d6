"""Keep the time at which a table's rows were last changed (`lastModifiedTime`).

local-bigquery sets this time only when a table is created, or when its resource is updated.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import duckdb
from local_bigquery.catalog import metadata
from local_bigquery.engine import database

from deskcloud.bigquery.emulator import patching

_KEYS = database.RESOURCES["tables"]
_CHANGED = """
UPDATE emulator.tables SET resource = json_merge_patch(resource, json_object('lastModifiedTime', $1))
WHERE project_id = $2 AND dataset_id = $3 AND table_id = $4
"""


def add() -> None:
    """Set a table's lastModifiedTime after a DML statement, a load job or a query result has changed its rows.

    Call this function after `writers.add`, which replaces the same function of local-bigquery.
    """
    patching.wrap(database, "writing", _writing, "a change of rows leaves lastModifiedTime as it was")


@contextlib.contextmanager
def _writing(original: Callable[..., AbstractContextManager[None]], *table: str) -> Iterator[None]:
    with original(*table):
        yield
        # `table` is empty if the statement changes no table.
        if len(table) == len(_KEYS):
            changed(*table)


def changed(project: str, dataset: str, table: str) -> None:
    """Set the table's lastModifiedTime to the current time."""
    # If a concurrent update of the resource conflicts with this update, ignore the error. The other update sets the
    # time too.
    with contextlib.suppress(duckdb.TransactionException):
        database.execute(_CHANGED, [metadata.now(), project, dataset, table])
