"""Serve SMTP from a thread of this process, on loopback only."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

from aiosmtpd.smtp import SMTP

from deskcloud.platforms.mail import rules
from deskcloud.platforms.mail.relay import Relay


@contextlib.contextmanager
def serve(relay: Relay, port: int) -> Iterator[str]:
    """Yield the address, such as `127.0.0.1:9025`, while the relay answers. Port 0 means any free port.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.create_server(("127.0.0.1", port))
    loop = asyncio.new_event_loop()
    started = threading.Event()

    def connected() -> SMTP:
        # AUTH needs no TLS, because the connection does not leave this machine. Only AUTH PLAIN (RFC 4616) is offered,
        # because LOGIN is not a standard.
        return SMTP(
            relay,
            hostname="localhost",
            ident="deskcloud",
            data_size_limit=rules.MAX_BYTES,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            auth_exclude_mechanism=["LOGIN"],
            authenticator=relay.authenticate,
            loop=loop,
        )

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(connected, sock=listener))
        loop.call_soon(started.set)
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listener.close()
