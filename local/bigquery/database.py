"""What the gateway remembers over a restart: one SQLite file."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

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


class Database:
    """A connection that threads share; each statement is a transaction."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_TABLES}")
        self._lock = threading.Lock()

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
