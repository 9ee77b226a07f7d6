"""A load generator that runs in a separate process. Each of its locust users has one persistent connection.

    python -m benchmarks.load

The process reads one job per line, {"url", "body", "connections", "seconds", "is_warm"}. It answers each job with one
line, {"seconds", "failed", "milliseconds"}. In this line, `milliseconds` lists the time of each request, because
locust's own statistics have only whole milliseconds.
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

# The first half second of a job is not measured, because connections are opened and code is loaded then.
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Load:
    """The result of a job: the duration, the number of failed requests, and the milliseconds that each request took."""

    seconds: float
    failed: int
    milliseconds: list[float]

    @property
    def milliseconds_a_request(self) -> float:
        """The milliseconds per request: the reciprocal of the throughput."""
        return self.seconds * 1e3 / max(len(self.milliseconds), 1)

    def percentile(self, percent: float) -> float:
        """Return the time in milliseconds within which `percent` percent of the requests were answered."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


class Generator:
    """The load generator's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, url: str, body: bytes, connections: int, seconds: float, *, is_warm: bool = True) -> Load:
        """Send the body as fast as possible over `connections` connections, with or without a warm-up.

        Raises:
            RuntimeError: the process has ended. It has printed the reason to standard error.
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
    """Start the process of the load generator. The process ends with the context."""
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Generator(process)
        process.communicate()


def _work() -> None:
    """Run the jobs that come on standard input.

    Locust is imported in this function, because the import patches the whole process for greenlets.
    """
    import gevent  # noqa: PLC0415
    import locust.env  # noqa: PLC0415

    logging.getLogger("locust").setLevel(logging.ERROR)

    class Shop(locust.FastHttpUser):  # type: ignore[misc]
        """A user that sends the next request as soon as the last one is answered."""

        body = b""
        # A failed request is counted and not retried.
        max_retries = 0

        @locust.task  # type: ignore[misc]
        def checkout(self) -> None:
            self.client.post("/", data=self.body, headers={"Content-Type": "application/json"})  # type: ignore[arg-type]

    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        Shop.body = job["body"].encode()
        environment = locust.env.Environment(user_classes=[Shop], host=job["url"])
        runner = environment.create_local_runner()
        times: list[float] = []
        failures: list[str] = []

        def note(response_time: float, exception: Exception | None, **_: Any) -> None:
            times.append(response_time)  # noqa: B023 - the listener is used for this job only
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
