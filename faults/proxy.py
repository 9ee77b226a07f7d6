"""A proxy in front of each service, which counts requests and injects the planned faults."""

import asyncio
import collections
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from faults.schedule import ON_THE_WIRE, Fault
from shared import jsontext

_GRPC = {"pubsub"}
_HEAD_LIMIT = 1 << 20
_HANG_SECONDS = 8
"""Seconds for which a time-out lasts. This is longer than the setting `wait_seconds` in the trials."""
_ERROR = jsontext.text({"error": {"code": 503, "message": "a planned fault", "status": "UNAVAILABLE"}})
_UNAVAILABLE = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(_ERROR)}\r\n\r\n{_ERROR}"
).encode()


class Proxies:
    """The proxies of all services, one for each. A proxy keeps its port when its service restarts.

    The proxies carry out faults of connections themselves. For each other fault, such as a killed process, they call
    `strike` in a thread.
    """

    def __init__(self, strike: Callable[[Fault], None]) -> None:
        self._services: dict[str, int] = {}
        self._strike = strike
        self._faults: list[Fault] = []
        self.struck: collections.Counter[str] = collections.Counter()
        """Number of faults that have struck, by kind."""
        self.counts: collections.Counter[str] = collections.Counter()
        """Number of requests by service since the last call of `arm`."""
        self._in_flight = 0
        self._last_push = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(8)
        self._strikes: list[Future[None]] = []
        self._tasks: set[asyncio.Future[None]] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the proxies' event loop in a thread while the context is open."""
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._stop)
            thread.join()

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)

    def front(self, service: str, port: int) -> int:
        """Start a proxy in front of the service at `port`, and return the proxy's port."""
        self._services[service] = port
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        asyncio.run_coroutine_threadsafe(self._listen(service, listener), self._loop).result()
        return int(listener.getsockname()[1])

    def arm(self, faults: list[Fault]) -> None:
        """Reset the counters, and replace all planned faults by `faults`."""
        self.counts.clear()
        self.struck.clear()
        self._faults = list(faults)

    def finish(self) -> list[str]:
        """Cancel the faults that have not struck, and wait for all other faults. Return the errors of failed faults."""
        self._faults = []
        errors = [strike.exception() for strike in self._strikes]
        self._strikes.clear()
        return [repr(error) for error in errors if error]

    def quiet_seconds(self) -> float:
        """Return the seconds since the last delivery to a function ended, or 0 during a delivery."""
        return 0.0 if self._in_flight else time.monotonic() - self._last_push

    async def _listen(self, service: str, listener: socket.socket) -> None:
        serve = self._serve_bytes if service in _GRPC else self._serve_http

        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(service, reader, writer)
            writer.close()

        await asyncio.start_server(serve_one, sock=listener, limit=_HEAD_LIMIT)

    def _faults_now(self, service: str) -> Fault | None:
        """Count a request, and start the faults that are due at this request.

        Return the fault that the connection must carry out itself, or None.
        """
        self.counts[service] += 1
        due = [fault for fault in self._faults if (fault.service, fault.at) == (service, self.counts[service])]
        for fault in due:
            self.struck[fault.kind] += 1
            if fault.kind not in ON_THE_WIRE:
                self._strikes.append(self._threads.submit(self._strike, fault))
        return next((fault for fault in due if fault.kind in ON_THE_WIRE), None)

    async def _serve_http(self, service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _message(reader):
            self._in_flight += service == "functions"
            try:
                answer = await self._answer(service, request, self._faults_now(service))
            finally:
                if service == "functions":
                    self._in_flight -= 1
                    self._last_push = time.monotonic()
            if answer is None:
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()
            if b"\r\nconnection: close" in answer.partition(b"\r\n\r\n")[0].lower():
                return

    async def _answer(self, service: str, request: bytes, fault: Fault | None) -> bytes | None:
        """Carry out the fault, and return the answer to the request. Return None if the connection must break."""
        kind = fault.kind if fault else ""
        seconds = fault.seconds if fault else 0
        if kind == "error":
            return _UNAVAILABLE
        if kind == "refused":
            return None
        if kind == "late":
            await asyncio.sleep(seconds)
        if kind == "duplicate":
            self._later(self._again(service, request, seconds))
        answer = await self._forward(service, request)
        if kind == "time-out":
            await asyncio.sleep(_HANG_SECONDS)
        return None if kind in {"lost answer", "time-out"} else answer

    async def _again(self, service: str, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._in_flight += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._forward(service, request)
        self._in_flight -= 1
        self._last_push = time.monotonic()

    def _later(self, work: collections.abc.Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, service: str, request: bytes) -> bytes | None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._services[service], limit=_HEAD_LIMIT)
        except OSError:
            return None
        try:
            writer.write(request)
            return await _message(reader, is_bare=request.startswith(b"HEAD ")) or None
        finally:
            writer.close()

    async def _serve_bytes(self, service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self._services[service])
        is_cut = False

        async def back() -> None:
            while data := await there.read(1 << 16):
                if is_cut:
                    break
                writer.write(data)
            writer.transport.abort()

        self._later(_quietly(back()))
        try:
            while data := await reader.read(1 << 16):
                fault = self._faults_now(service)
                kind = fault.kind if fault else ""
                if kind == "refused":
                    break
                if fault and kind == "late":
                    await asyncio.sleep(fault.seconds)
                is_cut = kind in {"lost answer", "time-out"}
                here.write(data)
                if is_cut:
                    await asyncio.sleep(_HANG_SECONDS if kind == "time-out" else 1)
                    break
        finally:
            here.close()
            writer.transport.abort()


async def _quietly(work: collections.abc.Awaitable[None]) -> None:
    with contextlib.suppress(OSError):
        await work


async def _message(reader: asyncio.StreamReader, *, is_bare: bool = False) -> bytes:
    """Return the head and body of the next HTTP/1.1 message, or b"" at the end of the connection.

    Set `is_bare` for the answer to a HEAD request, because such an answer has no body despite its Content-Length.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lines = head.decode("latin-1").lower().split("\r\n")
    headers = dict(line.partition(":")[::2] for line in lines[1:])
    is_answer = lines[0].startswith("http/")
    status = lines[0].split()[1] if is_answer else ""
    if status == "100":
        return await _message(reader, is_bare=is_bare)
    if is_bare or status in {"204", "304"}:
        return head
    if "chunked" in headers.get("transfer-encoding", ""):
        return head + await _chunks(reader)
    if "content-length" in headers:
        return head + await reader.readexactly(int(headers["content-length"]))
    return head + (await reader.read() if is_answer else b"")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.partition(b";")[0], 16) + 2)
        body += size + chunk
        if chunk == b"\r\n":
            return body
