"""Open the emulator's connection to DuckDB and prepare it for the first statement.

threads     A statement has one. At the data sizes of one machine, passing rows between threads costs more than it
            gains: a demonstration is a tenth faster and takes less CPU.
files       that were read are not cached: each takes 0.4 MB, until most of the machine's memory is used.
the folder  of the state may have an apostrophe in its name.
"""

import functools
from collections.abc import Callable
from typing import Any

import duckdb
from local_bigquery.engine import database

from deskcloud.bigquery.emulator import duckdb_lock, function_values, history, patching, query_results, upkeep

_QUOTED = {"ATTACH '": "ATTACH $path$", "' AS emulator": "$path$ AS emulator"}


def add() -> None:
    """Install this, before the first connection is opened."""
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
