"""The function score_checkout, served as on Google Cloud, with the models of a real run of the chain.

functions-framework serves it under gunicorn with one worker. Only the requirements of its bundle are installed.
"""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.built import Built, build
from benchmarks.measure import say
from cli import declarations, follow, machine
from cli.assignments import with_overrides
from demo import generator, loading
from shared import champion, jsontext, recommendations
from shared.chain import revisions
from shared.chain.documents import SCORER
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.events import DataRefreshed

FIRST_DAY, DAYS, SESSIONS = date(2017, 3, 1), 24, 8000
# The few sessions of this benchmark have few buyers, so the gate must ask for less than by default.
SETTINGS: dict[str, Any] = {
    "checks": {"max_age_days": 0},
    "label": {"horizon_days": 5},
    "gate": {"min_positives": 1, "min_roc_auc": 0, "min_roc_auc_lower": 0},
}
CANDIDATES = ("baseline", "logistic", "boosted_trees")
PATIENCE_SECONDS = 120
# The environment variables that Cloud Functions and Terraform set. The first two make functions-framework process each
# log line; the third is the number of requests that it answers at once.
AS_GOOGLE = {
    "PYTHONUNBUFFERED": "1",
    "LOG_EXECUTION_ID": "true",
    "THREADS": str(declarations.read().functions["score_checkout"].concurrency),
}

FEATURES: dict[str, Any] = {
    "bounces": 0,
    "time_on_site": 312,
    "pageviews": 9,
    "hits": 14,
    "furthest_step": 3,
    "products_viewed": 3,
    "products_added": 1,
    "hour": 20,
    "weekday": "Sunday",
    "source": "google",
    "medium": "organic",
    "channel": "Organic Search",
    "device": "desktop",
    "country": "United States",
}


@dataclass(frozen=True)
class Shop:
    """A local cloud after a run of the chain.

    `buckets` names one bucket per candidate, in which this candidate is the champion. `document` holds the settings.
    `body` is the request that all measurements send.
    """

    built: Built
    clients: Environment
    document: dict[str, Any]
    buckets: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Started:
    """A process that serves a function: its URL, and the id of gunicorn's master process."""

    url: str
    pid: int


@dataclass(frozen=True)
class Function:
    """A function of Cloud Functions that can be started as a process on a free port."""

    target: str
    source: Path
    programs: Path
    environment: dict[str, str]

    @contextlib.contextmanager
    def started(self) -> Iterator[Started]:
        """Start the process and yield it, without waiting until it listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [str(self.programs / "functions-framework"), "--target", self.target]
        command += ["--source", str(self.source), "--host", "127.0.0.1", "--port", str(port)]
        with (
            tempfile.TemporaryFile() as log,
            subprocess.Popen(command, env={**os.environ, **AS_GOOGLE, **self.environment}, stdout=log) as process,
        ):
            try:
                yield Started(f"http://127.0.0.1:{port}", process.pid)
            finally:
                process.terminate()


@contextlib.contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """Run the chain in a local cloud below `folder`, which ends with the context."""
    say("  score_checkout's bundle and its requirements")
    built = build("checkout", folder / "built")
    say(f"  a chain on {SESSIONS:,} sessions")
    day_files = generator.generate(1, FIRST_DAY, DAYS, SESSIONS, folder / "export")
    document = machine.local_settings(SETTINGS, [])
    with machine.started(folder / "state", document) as (cloud, clients):
        document = json.loads(cloud.environment["PROPENSITY_SETTINGS"])
        loading.load(day_files, clients.bigquery, clients.settings.source.dataset)
        clients.send(DataRefreshed.topic, {})
        *_, run = follow.until_end(clients, set(), set())
        if run is None or run.outcome != "published":
            raise RuntimeError(f"the chain did not end well: {run.reason if run else 'it was not opened'}")
        _wait_for(recommendations.ARTEFACT, clients)
        served = json.loads(clients.bucket.blob(recommendations.ARTEFACT).download_as_bytes())
        body = jsontext.text(
            {
                "visitor_id": "GA1.2.123456789.1501583400",
                "cart": [{"product_id": product, "quantity": 1} for product in served["popular"][:3]],
                "session": {"features": FEATURES},
            }
        )
        buckets = {candidate: _bucket_of(candidate, run.run_id, clients) for candidate in CANDIDATES}
        yield Shop(built, clients, document, buckets, body.encode())


def _wait_for(name: str, clients: Environment) -> None:
    """Wait until the object `name` exists in the bucket.

    The recommendations are built by a separate run, so they may not exist yet when the chain has ended.

    Raises:
        RuntimeError: the object does not exist in time.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while not clients.bucket.blob(name).exists():
        if time.monotonic() > until:
            raise RuntimeError(f"there is no {name} after {PATIENCE_SECONDS} seconds")
        time.sleep(0.2)


def _bucket_of(candidate: str, run_id: str, clients: Environment) -> str:
    """Create a bucket in which the candidate is the champion. Store the scorer artefact there, as a deployment does."""
    cloud = StepContext(clients, run_id, "benchmark", datetime.now(UTC), Deadline(PATIENCE_SECONDS))
    columns = revisions.inputs(candidate, cloud)
    calibrator = cloud.runs.calibrator(run_id)
    golden = revisions.export(candidate, columns, calibrator, cloud)
    expected = [row.pop("expected_probability") for row in golden]
    revisions.keep_scorer(candidate, columns, calibrator, golden, expected, cloud)
    there = clients.storage.create_bucket(f"{clients.settings.bucket}-{candidate.replace('_', '-')}")
    artefact = f"runs/{run_id}/{SCORER.name}.json"
    pointer = json.loads(clients.bucket.blob(champion.POINTER).download_as_bytes())
    pointer |= {"candidate": candidate, "scorer": artefact, "inputs": columns}
    there.blob(champion.POINTER).upload_from_string(jsontext.text(pointer))
    for name in (artefact, recommendations.ARTEFACT):
        there.blob(name).upload_from_string(clients.bucket.blob(name).download_as_bytes())
    return str(there.name)


def scoring(shop: Shop, candidate: str, *assignments: str) -> Function:
    """Return the function score_checkout with this champion. `assignments` override the function's settings."""
    document = with_overrides(shop.document, [f"bucket={shop.buckets[candidate]}", *assignments])
    environment = {"PROPENSITY_SETTINGS": jsontext.text(document), "PROPENSITY_PSEUDONYM_KEY": "0" * 64}
    return Function("score_checkout", shop.built.main, shop.built.programs, environment)


def first_answer(url: str, body: bytes) -> httpx.Response:
    """Send the request again and again until the process listens. Return the first answer, which must be a success."""
    with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        while True:
            try:
                answer = client.post(url, content=body, headers={"Content-Type": "application/json"})
            except httpx.ConnectError:
                time.sleep(0.005)
            else:
                return answer.raise_for_status()


def seconds_to_start(function: Function, body: bytes) -> float:
    """Start the function, and return the seconds from the start of its process to its first answer."""
    began = time.perf_counter()
    with function.started() as process:
        first_answer(process.url, body)
        return time.perf_counter() - began
