"""Limit the number of read streams, write streams, sessions and uploads that local-bigquery keeps in memory.

Otherwise local-bigquery would keep them until the process ends. BigQuery deletes them too: a read session with its
streams after six hours, a session of statements after a day, and an upload after a week.
"""

import collections
import os
from collections.abc import Callable
from typing import Any

from local_bigquery.api import uploads
from local_bigquery.engine import sessions
from local_bigquery.grpc import read, write

from deskcloud.bigquery.emulator import patching

KEPT_STREAMS = 1_000
KEPT_SESSIONS = 100
KEPT_UPLOADS = 100


class Latest(collections.OrderedDict[str, Any]):
    """A dictionary that keeps the newest `most` entries. `forget` is called with each entry that is dropped."""

    def __init__(self, most: int, forget: Callable[[str, Any], None] = lambda _, __: None) -> None:
        super().__init__()
        self._most = most
        self._forget = forget

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if len(self) > self._most:
            self._forget(*self.popitem(last=False))


def add() -> None:
    """Replace local-bigquery's dictionaries of streams, sessions and uploads by dictionaries of limited size."""
    for module in (read, write):
        patching.replace(module, "_streams", Latest(KEPT_STREAMS), "streams are never deleted")
    kept_sessions = Latest(KEPT_SESSIONS, lambda _, session: session.cursor.close())
    patching.replace(sessions, "_sessions", kept_sessions, "sessions are never deleted")
    kept_uploads = Latest(KEPT_UPLOADS, lambda name, _: os.unlink(uploads._file(name)))  # noqa: SLF001, PTH108
    patching.replace(uploads, "_resumable", kept_uploads, "uploads are never deleted")
