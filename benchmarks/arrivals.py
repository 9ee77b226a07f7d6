"""A load generator that sends requests at random times, whether or not the former ones are answered (an open loop).

    python -m benchmarks.arrivals

The process reads one job from standard input, the arguments of `_run`, and prints one line, the numbers of `Arrivals`.
The times between requests are exponential, so the arrivals are a Poisson process. The load generator of `load.py` is a
closed loop: its users wait for their answers, so they send less when the function is slow.
"""

import asyncio
import json
import mmap
import random
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared import jsontext

# The beginning of a job is not measured, because connections are opened and code is loaded in this time.
WARM_UP_SECONDS = 0.5
# gunicorn closes a connection that has been idle for two seconds, perhaps just when a request is sent.
IDLE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
SAMPLE_SECONDS = 0.002


@dataclass(frozen=True)
class Arrivals:
    """The result of a job: its duration in seconds, and how many seconds each request took.

    `requests` also counts those of the warm-up. `in_progress` is the mean number of requests in progress. Another
    process than the one that sent them counted them, at times that do not depend on the requests.
    """

    seconds: float
    took: list[float]
    requests: int
    in_progress: float

    @property
    def rate(self) -> float:
        """The number of requests per second."""
        return len(self.took) / self.seconds

    @property
    def mean(self) -> float:
        """The mean time of a request, in seconds."""
        return sum(self.took) / len(self.took)


def send(url: str, body: bytes, rate: float, seconds: float, connections: int, seed: int) -> Arrivals:
    """Send `rate` requests per second on average, in a process of its own.

    As at Cloud Run, requests for which no connection is free wait in the order in which they came. Their time counts.

    Raises:
        subprocess.CalledProcessError: a request was not answered with 200. The process has printed the reason.
    """
    with tempfile.NamedTemporaryFile() as counter:
        counter.write(bytes(8))
        counter.flush()
        job = {"url": url, "body": body.decode(), "rate": rate, "seconds": seconds, "seed": seed}
        text = jsontext.text({**job, "connections": connections, "counter": counter.name})
        command = [sys.executable, "-m", "benchmarks.arrivals"]
        with _sampled(Path(counter.name)) as samples:
            done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout)
    began, ended = result["began"], result["ended"]
    counted = [(now - before, number) for (before, _), (now, number) in pairwise(samples) if began < now <= ended]
    mean = sum(passed * number for passed, number in counted) / sum(passed for passed, _ in counted)
    return Arrivals(ended - began, result["took"], result["requests"], mean)


@contextmanager
def _sampled(counter: Path) -> Iterator[list[tuple[float, int]]]:
    """Read the number in the file again and again, and yield the list of the times and numbers."""
    samples: list[tuple[float, int]] = []
    ended = threading.Event()

    def sample() -> None:
        number = _number(counter)
        while not ended.wait(SAMPLE_SECONDS):
            samples.append((time.perf_counter(), number[0]))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _number(counter: Path) -> "memoryview[int]":
    """Map a file of eight bytes into memory. Processes that map the same file see each other's number."""
    with counter.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 8)).cast("q")


class Connection(asyncio.Protocol):
    """A persistent connection that carries one request at a time."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._received = b""
        self.used = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport: asyncio has opened the connection."""
        self._transport: Any = transport

    async def ask(self, request: bytes) -> bytes:
        """Send the request, and return the status line of the answer after all of it has come."""
        self._answer, self._received = asyncio.get_running_loop().create_future(), b""
        self._transport.write(request)
        status = await self._answer
        self.used = time.perf_counter()
        return status

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer."""
        self._received += data
        head, end, content = self._received.partition(b"\r\n\r\n")
        if not end or self._answer is None:
            return
        [length] = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if len(content) >= int(length):
            self._answer.set_result(head.partition(b"\r\n")[0])

    def connection_lost(self, _: Exception | None) -> None:
        """Let the request fail that is in progress, if there is one."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection was closed before the answer"))


class Shop:
    """Sends the same request again and again, over at most as many connections at the same time as given."""

    def __init__(self, url: str, body: bytes, connections: int, in_progress: "memoryview[int]") -> None:
        where = urlsplit(url)
        self._address = (str(where.hostname), where.port or 80)
        head = (
            f"POST / HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        self._request = head.encode() + b"\r\n\r\n" + body
        self._in_progress = in_progress
        self._free = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []
        self.sent: list[tuple[float, float]] = []

    async def ask(self) -> None:
        """Send one request, and note when it was sent and how long it took.

        Raises:
            RuntimeError: the answer was not 200.
        """
        began = time.perf_counter()
        self._in_progress[0] += 1
        async with self._free:
            connection = await self._connection()
            status = await asyncio.wait_for(connection.ask(self._request), PATIENCE_SECONDS)
            self._idle.append(connection)
        if b" 200 " not in status:
            raise RuntimeError(f"answered {status!r}")
        self._in_progress[0] -= 1
        self.sent.append((began, time.perf_counter() - began))

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if time.perf_counter() - connection.used < IDLE_SECONDS:
                return connection
            connection.close()
        return (await asyncio.get_running_loop().create_connection(Connection, *self._address))[1]


async def _run(  # the arguments of a job
    url: str, body: str, rate: float, seconds: float, connections: int, seed: int, counter: str
) -> dict[str, Any]:
    """Send requests for this time, and return what `send` reads. The file `counter` holds the number in progress."""
    shop, gap = Shop(url, body.encode(), connections, _number(Path(counter))), random.Random(seed)  # noqa: S311 - no secret
    due = time.perf_counter()
    began = due + WARM_UP_SECONDS
    ended = began + seconds
    async with asyncio.TaskGroup() as group:
        while (due := due + gap.expovariate(rate)) < ended:
            await asyncio.sleep(due - time.perf_counter())
            group.create_task(shop.ask())
    took = [took for sent, took in shop.sent if sent >= began]
    return {"began": began, "ended": ended, "took": took, "requests": len(shop.sent)}


def _work() -> None:
    """Run the job that comes on standard input."""
    job = json.load(sys.stdin)
    # The default selector rounds each time-out up to a millisecond, which is as long as a request.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        result = runner.run(_run(**job))
    sys.stdout.write(jsontext.text(result))


if __name__ == "__main__":
    _work()
