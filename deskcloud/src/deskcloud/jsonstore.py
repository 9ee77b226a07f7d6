"""Store a service's state as JSON documents in SQLite. The key of a document is the resource's name."""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deskcloud import jsontext

type Document = dict[str, Any]


class Documents:
    """A stored map from names such as `projects/P/locations/L/models/M` to JSON documents. Threads can share it."""

    def __init__(self, state: Path) -> None:
        """Open the database in the folder `state`. Create the database if it does not exist.

        Raises:
            RuntimeError: another process uses the database.
        """
        state.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._database = sqlite3.connect(
            state / "documents.sqlite", timeout=0, autocommit=True, check_same_thread=False
        )
        try:
            self._database.executescript(
                "pragma locking_mode=exclusive; pragma journal_mode=wal; pragma synchronous=normal;"
                "create table if not exists documents (name text primary key, body text not null);"
            )
        except sqlite3.OperationalError as error:
            self._database.close()
            raise RuntimeError(f"{state} cannot be opened: is it used by another process? ({error})") from error

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes in the context atomic. A nested transaction becomes a part of the outer transaction."""
        with self._lock:
            if self._depth == 0:
                self._database.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._database.execute("rollback")
                raise
            else:
                if self._depth == 1:
                    self._database.execute("commit")
            finally:
                self._depth -= 1

    def get(self, name: str) -> Document | None:
        """Return a copy of the document `name`, or None if it does not exist."""
        with self._lock:
            row = self._database.execute("select body from documents where name = ?", (name,)).fetchone()
        document: Document | None = json.loads(row[0]) if row else None
        return document

    def put(self, name: str, document: Document) -> None:
        """Create or replace a document."""
        with self._lock:
            self._database.execute("insert or replace into documents values (?, ?)", (name, jsontext.text(document)))

    def delete(self, name: str) -> None:
        """Delete a document if it exists."""
        with self._lock:
            self._database.execute("delete from documents where name = ?", (name,))

    def matching(self, pattern: str) -> list[tuple[str, Document]]:
        """Return the names that match `pattern`, with their documents, sorted by name.

        `pattern` is a GLOB pattern of SQLite, in which * also matches slashes.
        """
        with self._lock:
            rows = self._database.execute(
                "select name, body from documents where name glob ? order by name", (pattern,)
            ).fetchall()
        return [(name, json.loads(body)) for name, body in rows]
