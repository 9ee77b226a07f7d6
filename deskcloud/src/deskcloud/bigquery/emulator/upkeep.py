"""Delete old DuckLake snapshots, which hold earlier states of tables. Delete the files that are no longer used.

DuckLake keeps these files forever, and keeps the columns of all snapshots in memory. The columns of 50 tables take 2
MB, and each change of one table adds another 2 MB.

A thread checks each project. If the project has more than `KEPT_SNAPSHOTS` + `_EACH` snapshots, the thread deletes all
but the newest `KEPT_SNAPSHOTS`. It also merges the files of tables with many small files, which streaming creates.
Results of queries are deleted by history.py.
"""

import concurrent.futures
import logging
import threading

import duckdb
from local_bigquery.engine import database
from local_bigquery.jobs import runner

from deskcloud.bigquery.emulator import lake_metadata, writers

KEPT_SNAPSHOTS = 50
"""FOR SYSTEM_TIME AS OF can reach this many changes of a project's tables. In BigQuery, it can reach seven days."""

_EACH = 25
_FILES_OF_A_TABLE = 50
_SECONDS = 2.0
_LOG = logging.getLogger(__name__)
_COUNT = "SELECT count(*), max(snapshot_id) FROM {metadata}.ducklake_snapshot"
_OLD = "SELECT list(snapshot_id) FROM {metadata}.ducklake_snapshot WHERE snapshot_id <= $1"
_CROWDED = """
SELECT s.schema_name, t.table_name
FROM {metadata}.ducklake_data_file AS f
JOIN {metadata}.ducklake_table AS t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
JOIN {metadata}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
WHERE f.end_snapshot IS NULL
GROUP BY ALL HAVING count(*) > $1
"""


def start() -> None:
    """Start the thread, which runs as long as the process."""
    threading.Thread(target=_run, name="upkeep", daemon=True).start()


def tidy(project: str) -> None:
    """Delete the old snapshots and files of a project, and merge small files.

    The function does nothing if the project has at most `KEPT_SNAPSHOTS` + `_EACH` snapshots.
    """
    metadata = lake_metadata.metadata(project)
    [(count, newest)] = database.fetch(_COUNT.format(metadata=metadata))
    if count <= KEPT_SNAPSHOTS + _EACH:
        return
    for schema, table in database.fetch(_CROWDED.format(metadata=metadata), [_FILES_OF_A_TABLE]):
        # Without the lock, a concurrent statement that changes the table would fail.
        with writers.locked(project, schema, table):
            _call("ducklake_merge_adjacent_files($1, $2, schema => $3)", project, table, schema)
    [(old,)] = database.fetch(_OLD.format(metadata=metadata), [newest - KEPT_SNAPSHOTS])
    _call("ducklake_expire_snapshots($1, versions => $2)", project, old)
    # Wait for the running jobs, because they may still read files that only the deleted snapshots use.
    concurrent.futures.wait([job.future for job in list(runner._running.values()) if job.future])  # noqa: SLF001
    _call("ducklake_cleanup_old_files($1, cleanup_all => true)", project)


def _run() -> None:
    waiting = threading.Event()
    while not waiting.wait(_SECONDS):
        for project in list(database._attached):  # noqa: SLF001 - no public name exists
            try:
                tidy(project)
            except duckdb.Error as error:
                _LOG.warning("cannot delete old snapshots of %s, will retry: %s", project, error)


def _call(function: str, *arguments: object) -> None:
    # Only count the rows. The rows contain times with a time zone. To read them, Python would need a package that is
    # not installed.
    database.fetch(f"SELECT count(*) FROM {function}", list(arguments))  # noqa: S608 - our own SQL
