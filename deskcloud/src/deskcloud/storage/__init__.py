"""Serve the JSON API of Cloud Storage on this machine. The contents of the objects are plain files.

Preconditions on generations are checked, but permissions are not. The store keeps one generation of each object, so
there is no versioning and no soft delete. A download returns gzip-encoded objects as they are stored. Options that are
not implemented, such as lifecycle rules, are refused (options.py).
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
    """A running local Cloud Storage.

    `url` is the value of STORAGE_EMULATOR_HOST for clients. The file `root`/BUCKET/OBJECT is an object's content.
    """

    url: str
    root: Path


@contextlib.contextmanager
def serve(state: Path, port: int = 0, rules: Rules = Rules()) -> Iterator[Server]:  # noqa: B008 - Rules is immutable
    """Serve the store in the folder `state` on 127.0.0.1. Port 0 means any free port.

    Raises:
        RuntimeError: another process uses `state`.
        OSError: the port is taken.
    """
    with (
        contextlib.closing(Store(state)) as store,
        serving.serve(create_app(store), port, replace(rules, uploads="/upload")) as url,
    ):
        yield Server(url, store.root)
