"""A gunicorn worker that passes a request to a thread only after the whole request has arrived.

gunicorn's own worker assigns a connection to a thread when the first byte arrives, so a few slow clients can block all
threads. In this worker, one thread reads the data of all connections. If the worker refuses a request before a function
receives it, the answer is a problem document (RFC 9457).
"""

import contextlib
import json
import os
import re
import selectors
import socket
import struct
import time
import uuid
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from deskcloud import jsontext
from deskcloud.web.guard import Rules
from deskcloud.web.patience import Patience

GUARD = "LOCAL_FUNCTIONS_GUARD"
"""The environment variable that passes the access rules and time limits (the result of `arguments`) to the worker."""

_MOST_BYTES = 32 << 20
"""Maximum size of a request in bytes, as on Cloud Run: https://cloud.google.com/run/quotas."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MOST_HEAD = 64 << 10
_BLOCK = 1 << 18
_UNREADABLE = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
"""The HTTP status for each parse error of gunicorn. For any other error, the status is 400 Bad Request."""

_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d+)[ \t]*\r?$")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding:.*chunked")
_EXPECTS = re.compile(rb"(?im)^expect:[ \t]*100-continue[ \t]*\r?$")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


def arguments(rules: Rules, waits: Patience) -> dict[str, Any]:
    """Return the worker's settings. As JSON, they are the value of GUARD, which `from_environment` reads."""
    given = {"secret": rules.secret, "open": sorted(rules.open), "pages": dict(rules.pages)}
    return {"rules": given, "waits": asdict(waits)}


def from_environment() -> tuple[Rules, Patience]:
    """Read the access rules and time limits in GUARD. Unset GUARD, so that functions cannot read the secret in it."""
    given = json.loads(os.environ.pop(GUARD, "{}"))
    rules = given.get("rules", {})
    pages = {path: tuple(origins) for path, origins in rules.get("pages", {}).items()}
    return Rules(**{**rules, "open": frozenset(rules.get("open", ())), "pages": pages}), Patience(
        **given.get("waits", {})
    )


class Arrival:
    """The part of a request that has arrived."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        self.began = time.monotonic()
        self._body = 0
        self._chunk = 0
        self._length: int | None = None

    @property
    def has_head(self) -> bool:
        """Whether the whole head of the request has arrived."""
        return self._body > 0

    @property
    def is_too_large(self) -> bool:
        """Whether the request exceeds the maximum size."""
        return max(len(self.content), self._body + (self._length or 0)) > _MOST_BYTES

    def expects_an_answer(self) -> bool:
        """Return whether the client waits for the answer 100 Continue before it sends the body."""
        return self.has_head and bool(_EXPECTS.search(self.content, 0, self._body))

    def is_whole(self) -> bool:
        """Return whether the whole request has arrived.

        The result is also True for an invalid request, so that the request is passed on and gunicorn refuses it.
        """
        if not self.has_head:
            end = self.content.find(b"\r\n\r\n")
            if end < 0:
                return len(self.content) > _MOST_HEAD
            self._body = self._chunk = end + 4
            length = _LENGTH.search(self.content, 0, self._body)
            self._length = int(length[1]) if length else 0
            if _CHUNKED.search(self.content, 0, self._body):
                self._length = None
        if self._length is not None:
            return len(self.content) >= self._body + self._length
        return self._has_all_chunks()

    def _has_all_chunks(self) -> bool:
        while len(self.content) > self._chunk:
            line = _CHUNK.match(self.content, self._chunk)
            if line is None:
                return self.content.find(b"\r\n", self._chunk) >= 0
            size = int(line[1], 16)
            if size == 0:
                # Trailers (optional) and an empty line follow the last chunk. Only then is the request complete.
                return self.content.find(b"\r\n\r\n", line.end() - 2) >= 0
            self._chunk = line.end() + size + 2
        return False


class ArrivingWorker(ThreadWorker):  # type: ignore[misc]
    """Reads each request completely before a thread handles it."""

    waits = Patience()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._arriving: dict[Any, Arrival] = {}

    def enqueue_req(self, conn: TConn) -> None:
        """Read the data that has arrived on `conn`, a new connection or one that was kept open."""
        if conn.parser is None:
            conn.parser = http.get_parser(conn.cfg, conn.sock, conn.client)
            conn.initialized = True
            # In the thread that answers the request, each read and write may take at most the time limit for bodies.
            seconds = struct.pack("ll", int(self.waits.body) + 1, 0)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        conn.sock.setblocking(False)
        self._arriving[conn] = Arrival(conn.parser.unreader.take_buffered())
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read, conn))
        self._read(conn)

    def _read(self, conn: TConn, *_: Any) -> None:
        arrival = self._arriving[conn]
        knew_head = arrival.has_head
        try:
            while not arrival.is_whole() and not arrival.is_too_large:
                piece = conn.sock.recv(_BLOCK)
                if not piece:
                    self._drop(conn)
                    return
                if not arrival.content:
                    arrival.began = time.monotonic()
                arrival.content += piece
        except BlockingIOError:
            if arrival.expects_an_answer() and not knew_head:
                _tell(conn, _CONTINUE)
            return
        except OSError:
            self._drop(conn)
            return
        if arrival.is_too_large:
            detail = f"The request exceeds the maximum of {_MOST_BYTES:,} bytes: send less."
            self._drop(conn, _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail))
            return
        self._forget(conn)
        conn.parser.unreader.unread(bytes(arrival.content))
        conn.data_ready = True
        super().enqueue_req(conn)

    def murder_pending(self) -> None:
        """Close connections whose requests take too long to arrive. gunicorn calls this method once per second."""
        now = time.monotonic()
        for conn, arrival in list(self._arriving.items()):
            allowed = self.waits.seconds(len(arrival.content), has_head=arrival.has_head)
            if now - arrival.began > (allowed if arrival.content else self.waits.first_byte):
                late = _problem(HTTPStatus.REQUEST_TIMEOUT, "The request has not arrived in time: send it faster.")
                self._drop(conn, late if arrival.content else b"")

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a request that is not valid HTTP. gunicorn calls this method for each exception of a request."""
        is_ours = isinstance(exc, errors.InvalidResponseHeader | errors.InvalidResponseHeaderName)
        if is_ours or not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("a request cannot be read: %s", exc)
        status = _UNREADABLE.get(type(exc), HTTPStatus.BAD_REQUEST)
        with contextlib.suppress(OSError):
            client.sendall(_problem(status, f"The request is not valid HTTP: {str(exc).rstrip('.')}."))

    def _drop(self, conn: TConn, answer: bytes = b"") -> None:
        self._forget(conn)
        _tell(conn, answer)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: TConn) -> None:
        del self._arriving[conn]
        self.poller.unregister(conn.sock)


def _problem(status: HTTPStatus, detail: str) -> bytes:
    """Return an HTTP answer with a problem document and the header `connection: close`."""
    request_id = uuid.uuid4().hex
    document = {"title": status.phrase, "status": status, "detail": detail, "request_id": request_id}
    body = jsontext.encode(document)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/problem+json",
        f"x-request-id: {request_id}",
        "connection: close",
        f"content-length: {len(body)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _tell(conn: TConn, answer: bytes) -> None:
    with contextlib.suppress(OSError):
        conn.sock.send(answer)
