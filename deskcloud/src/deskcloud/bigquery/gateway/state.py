"""Store the gateway's persistent state in one SQLite file."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

from deskcloud.bigquery.job_lists import KEPT_JOBS

_PRUNED_EACH = 50
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    project TEXT, job TEXT, created INTEGER NOT NULL, state TEXT NOT NULL, on_emulator INTEGER NOT NULL,
    resource TEXT NOT NULL, PRIMARY KEY (project, job)
);
CREATE TABLE IF NOT EXISTS models (
    project TEXT, dataset TEXT, model TEXT, folder TEXT NOT NULL, resource TEXT NOT NULL,
    PRIMARY KEY (project, dataset, model)
);
CREATE TABLE IF NOT EXISTS audit (
    project TEXT, job TEXT, entry TEXT NOT NULL, sent INTEGER NOT NULL, PRIMARY KEY (project, job)
);
CREATE TABLE IF NOT EXISTS watched (project TEXT, job TEXT, PRIMARY KEY (project, job));
"""
_FORGET = (
    "DELETE FROM jobs WHERE state = 'DONE' AND rowid IN (SELECT rowid FROM jobs ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
    "DELETE FROM audit WHERE sent AND rowid IN (SELECT rowid FROM audit ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
)


class Database:
    """A database connection that threads share. Each statement is a transaction."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_TABLES}")
        self._lock = threading.Lock()
        self._calls = 0

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def prune(self) -> None:
        """Delete the oldest finished jobs and sent audit entries. Only every fiftieth call deletes anything."""
        self._calls += 1
        if self._calls % _PRUNED_EACH == 0:
            for statement in _FORGET:
                self.execute(statement, KEPT_JOBS)

    def close(self) -> None:
        """Close the database file."""
        self._connection.close()
