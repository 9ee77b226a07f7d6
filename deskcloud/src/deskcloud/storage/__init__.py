"""A local Cloud Storage: Google's JSON API with generation preconditions; objects are plain files.

It keeps one generation of each object (no versioning, no soft delete) and does not check access. It returns
gzip-encoded objects as they are stored. It refuses options that it does not implement, such as lifecycle rules
(options.py).
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
    """A running local Cloud Storage: `url` is for STORAGE_EMULATOR_HOST; `root`/BUCKET/OBJECT is an object's file."""

    url: str
    root: Path


@contextlib.contextmanager
def serve(state: Path, port: int = 0, rules: Rules = Rules()) -> Iterator[Server]:  # noqa: B008 - frozen
    """Serve the store in `state` on 127.0.0.1; port 0 takes a free port.

    Raises:
        RuntimeError: another process uses `state`.
        OSError: the port is taken.
    """
    with (
        contextlib.closing(Store(state)) as store,
        serving.serve(create_app(store), port, replace(rules, uploads="/upload")) as url,
    ):
        yield Server(url, store.root)
