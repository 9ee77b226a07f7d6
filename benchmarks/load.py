"""A load generator in a process of its own: locust's users, each on a connection that it keeps.

    python -m benchmarks.load

reads a job a line, {"url", "body", "connections", "seconds"}, and answers each with a line, {"seconds", "failed",
"milliseconds": one a request in the order of their ends}. Locust's own statistics know whole milliseconds only.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shared import jsontext

# What a run begins with is not measured: connections are made and code is met for the first time.
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Load:
    """What came of a job."""

    seconds: float
    failed: int
    milliseconds: list[float]

    @property
    def milliseconds_a_request(self) -> float:
        """Throughput turned round: how long the server had for each."""
        return self.seconds * 1e3 / max(len(self.milliseconds), 1)

    def percentile(self, percent: float) -> float:
        """The time within which so many percent of the requests were answered."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


class Generator:
    """The process, as those see it who measure."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, url: str, body: bytes, connections: int, seconds: float, *, is_warm: bool = True) -> Load:
        """Send the body as fast as so many connections can; without a warm-up where the first requests matter.

        Raises:
            RuntimeError: the process has ended, which says why on standard error.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the load generator has no pipes")
        job = {"url": url, "body": body.decode(), "connections": connections, "seconds": seconds, "is_warm": is_warm}
        self._process.stdin.write(jsontext.text(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the load generator has ended")
        return Load(**json.loads(answer))


@contextmanager
def generator() -> Iterator[Generator]:
    """Start the process, and end it."""
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Generator(process)
        process.communicate()


def _work() -> None:
    """Do the jobs; only here is locust imported, which turns the process into one of greenlets."""
    import gevent  # noqa: PLC0415
    import locust.env  # noqa: PLC0415

    logging.getLogger("locust").setLevel(logging.ERROR)

    class Shop(locust.FastHttpUser):  # type: ignore[misc]
        """A connection that asks again as soon as it is answered."""

        body = b""
        # One that fails is counted and not tried again.
        max_retries = 0

        @locust.task  # type: ignore[misc]
        def checkout(self) -> None:
            self.client.post("/", data=self.body, headers={"Content-Type": "application/json"})

    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        Shop.body = job["body"].encode()
        environment = locust.env.Environment(user_classes=[Shop], host=job["url"])
        runner = environment.create_local_runner()
        times: list[float] = []
        failures: list[str] = []

        def note(response_time: float, exception: Exception | None, **_: Any) -> None:
            times.append(response_time)  # noqa: B023 - it listens to this job alone
            if exception is not None:
                failures.append(str(exception))  # noqa: B023

        environment.events.request.add_listener(note)
        runner.start(job["connections"], spawn_rate=job["connections"])
        if job["is_warm"]:
            gevent.sleep(WARM_UP_SECONDS)
            times.clear()
        began = time.perf_counter()
        gevent.sleep(job["seconds"])
        seconds, answered = time.perf_counter() - began, list(times)
        runner.quit()
        sys.stdout.write(jsontext.text({"seconds": seconds, "failed": len(failures), "milliseconds": answered}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _work()
