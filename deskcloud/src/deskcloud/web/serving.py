"""Serve an ASGI app from a thread of this process, on loopback only, with the access rules of `guard.py`."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from deskcloud.web import guard, patience
from deskcloud.web.guard import Rules
from deskcloud.web.patience import Patience


@contextlib.contextmanager
def serve(
    app: ASGIApp,
    port: int = 0,
    rules: Rules | None = Rules(),  # noqa: B008 - Rules is immutable
    waits: Patience = Patience(),  # noqa: B008 - as above
) -> Iterator[str]:
    """Yield the base URL while `app` answers on 127.0.0.1. Port 0 means any free port.

    If `rules` is None, `app` must check requests itself. `waits` limits the time that a request may take to arrive.

    Raises:
        OSError: the port is taken.
    """
    # The caller's thread binds the socket, so that a taken port raises OSError in the caller and the URL is valid at
    # once. The protocol TCP is given explicitly, because asyncio disables Nagle's algorithm only for sockets with this
    # protocol. With the algorithm, an answer in two parts waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    server = uvicorn.Server(
        uvicorn.Config(
            guard.asgi(app, rules) if rules else app,
            http=patience.protocol(waits),
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
