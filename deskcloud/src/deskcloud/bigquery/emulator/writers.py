"""Lock each table, so that only one job, statement or request at a time creates, changes, deletes or fills it.

Without this lock, a load into a missing table fails if another statement or request creates the table at the same time.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
from local_bigquery.catalog import datasets, names, tables
from local_bigquery.engine import database
from local_bigquery.jobs import query
from sqlglot import exp

from deskcloud.bigquery.emulator import patching

_KINDS = {"TABLE", "VIEW"}
_ATTEMPTS = 100
_WAIT_SECONDS = 0.02
_locks: dict[tuple[str, ...], threading.RLock] = {}


def add() -> None:
    """Make statements, requests and jobs lock the table that they create, change or delete.

    Call this function after `add` of the modules that wrap the same functions of local-bigquery.
    """
    reason = "a load fails if a statement creates its table meanwhile"
    patching.replace(database, "writing", locked, reason)
    patching.wrap(query, "_run", _run, reason)
    patching.wrap(tables, "create", _create, reason)
    patching.wrap(tables, "delete", _delete, reason)
    patching.wrap(datasets, "delete", _delete_dataset, reason)


@contextlib.contextmanager
def locked(*table: str) -> Iterator[None]:
    """Hold a table's lock.

    The lock is reentrant, because CREATE TABLE ... AS with a list of columns runs a second statement, which takes the
    lock again.
    """
    key = tuple(part.casefold() for part in table)
    with database._attach_lock:  # noqa: SLF001 - no public name exists
        lock = _locks.setdefault(key, threading.RLock())
    with lock:
        yield


def _run(original: Callable[..., Any], cursor: Any, tree: exp.Expr, context: Any, *rest: Any) -> Any:
    is_ddl = isinstance(tree, exp.Create | exp.Drop | exp.Alter) and tree.args.get("kind") in _KINDS
    target = None if not is_ddl or tree.find(exp.TemporaryProperty) else names.target(tree)
    reference = names.reference(target, context.project_id, context.dataset_id) if target else ()
    with locked(*reference) if all(reference) and reference else contextlib.nullcontext():
        return original(cursor, tree, context, *rest)


def _create(original: Callable[..., Any], project: str, dataset: str, body: Any, *rest: Any) -> Any:
    table = (body.tableReference and body.tableReference.tableId) or ""
    with locked(project, dataset, table):
        return original(project, dataset, body, *rest)


def _delete(original: Callable[..., None], project: str, dataset: str, table: str) -> None:
    with locked(project, dataset, table):
        original(project, dataset, table)


def _delete_dataset(original: Callable[..., None], *arguments: Any) -> None:
    """Delete a dataset. If a job changes one of the dataset's tables at the same time, retry."""
    for attempt in itertools.count(1):
        try:
            original(*arguments)
        except duckdb.TransactionException:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(_WAIT_SECONDS)
        else:
            return
