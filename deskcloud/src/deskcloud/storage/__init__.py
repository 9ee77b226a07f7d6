"""Cloud Storage on one machine: Google's JSON API with generation preconditions, objects as plain files.

It keeps one generation of each object (no versioning, no soft delete), checks no access, and hands a gzip-encoded
object out as it is stored. What it would not act on, such as a lifecycle rule, it refuses (options.py).
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from deskcloud.storage.routes import create_app
from deskcloud.storage.state import Store
from deskcloud.web import serving
from deskcloud.web.guard import Rules


@dataclass(frozen=True, slots=True)
class Server:
    """A running local Cloud Storage: `url` is for STORAGE_EMULATOR_HOST, `root`/BUCKET/OBJECT is a content's file."""

    url: str
    root: Path


@contextlib.contextmanager
def serve(state: Path, port: int = 0, rules: Rules = Rules()) -> Iterator[Server]:  # noqa: B008 - frozen
    """Serve what lies below `state` on 127.0.0.1; port 0 takes a free one.

    Raises:
        RuntimeError: another process has `state` open.
        OSError: the port is taken.
    """
    with (
        contextlib.closing(Store(state)) as store,
        serving.serve(create_app(store), port, replace(rules, uploads="/upload")) as url,
    ):
        yield Server(url, store.root)
