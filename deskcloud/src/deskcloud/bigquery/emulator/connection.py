"""Open the emulator's connection to DuckDB and prepare this connection for the first statement.

Each statement uses one thread. At the data sizes of one machine, passing rows between threads takes more time than
several threads save. With one thread, the project's demonstration is a tenth faster and uses less CPU.

DuckDB's cache of files is switched off. Each file that DuckDB has read would take 0.4 MB there, until most of the
memory is used.

This module also quotes the path of the state folder, which may contain an apostrophe.
"""

import functools
from collections.abc import Callable
from typing import Any

import duckdb
from local_bigquery.engine import database

from deskcloud.bigquery.emulator import duckdb_lock, function_values, history, patching, query_results, upkeep

_QUOTED = {"ATTACH '": "ATTACH $path$", "' AS emulator": "$path$ AS emulator"}


def add() -> None:
    """Change how local-bigquery opens its connection. Call this function before local-bigquery opens it."""
    patching.change(
        database, "_connect", _connecting, "threads, cached files, apostrophes, and the set-up of a connection"
    )


def _connecting(original: Any) -> Callable[[], duckdb.DuckDBPyConnection]:
    quoted = patching.with_texts(original.__wrapped__, _QUOTED, "the state's folder may have an apostrophe in its name")
    return functools.cache(functools.partial(_on_one_thread, quoted))


def _on_one_thread(connect: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute("SET threads = 1; SET checkpoint_threshold = '2MB'; SET enable_external_file_cache = false")
    query_results.attach(connection)
    history.attach(connection)
    history.kept_jobs()
    upkeep.start()
    function_values.define(connection)
    duckdb_lock.close(connection)
    return connection
