"""Let an app reset the connection of a request, as a failing network does."""

import asyncio
import socket
import struct
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class ConnectionReset(Exception):  # noqa: N818 - not an error
    """Raised by an app to reset the connection instead of answering."""


def reset(transport: asyncio.Transport) -> None:
    """Close a connection so that the client sees a reset, and not a normal end."""
    # With the option SO_LINGER and 0 seconds, the operating system sends RST instead of FIN.
    opened: socket.socket = transport.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class ResettableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, extended to reset the connection when the app raises ConnectionReset."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.app = self._resetting(self.app)

    def _resetting(self, app: ASGIApp) -> ASGIApp:
        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except ConnectionReset:
                reset(self.transport)
                # Wait until uvicorn knows that the connection is lost. Otherwise uvicorn would answer 500.
                while (await receive())["type"] != "http.disconnect":
                    continue

        return run
