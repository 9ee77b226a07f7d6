"""Measure the function score_checkout under load, compared with a minimal function that answers constant JSON.

Both functions are served as on Google Cloud, by functions-framework under gunicorn with one worker. The same load
generator tests them in turns. Only the requirements of score_checkout's bundle are installed. Models and
recommendations come from a real run of the chain.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from benchmarks import load
from benchmarks.built import Built, build
from benchmarks.measure import Row, say, seconds
from cli import follow, machine
from cli.assignments import with_overrides
from demo import generator, loading
from shared import champion, jsontext, recommendations
from shared.chain import revisions
from shared.chain.documents import SCORER
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.events import DataRefreshed
from shared.online.scorer import OnlineScorer
from shared.settings import Settings

FIRST_DAY, DAYS, SESSIONS = date(2017, 3, 1), 24, 8000
# The few sessions of this benchmark have few buyers, so the gate must ask for less than by default.
SETTINGS: dict[str, Any] = {
    "checks": {"max_age_days": 0},
    "label": {"horizon_days": 5},
    "gate": {"min_positives": 1, "min_roc_auc": 0, "min_roc_auc_lower": 0},
}
CANDIDATES = ("baseline", "logistic", "boosted_trees")
CONNECTIONS = (1, 8, 32)
# Many short rounds are measured, so that other work on the machine affects only a few of the rounds.
ROUNDS, SECONDS = 9, 1.0
STARTS, CALLS = 5, 200
DEADLINE_MS = 300
DEAD_SECONDS = 5.0
PATIENCE_SECONDS = 120
# The environment variables that Cloud Functions sets. With them, functions-framework processes each log line.
AS_GOOGLE = {"PYTHONUNBUFFERED": "1", "LOG_EXECUTION_ID": "true"}

BARE = """
    import functions_framework

    ANSWER = {answer!r}

    @functions_framework.http
    def bare(request):
        return ANSWER, 200, {{"Content-Type": "application/json"}}
    """
ANSWER = jsontext.text(
    {
        "probability": 0.0123,
        "decile": 3,
        "model_version": "1",
        "offer": "none",
        "next_products": ["GGOEGAAX0098", "GGOEGAAX0099", "GGOEGAAX0100", "GGOEGAAX0101"],
        "request_id": "0af7651916cd43dd8448eb211c80319c",
        "scored_by": "embedded",
    }
)
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
class Function:
    """A function of Cloud Functions that can be started as a process on a free port."""

    target: str
    source: Path
    programs: Path
    environment: dict[str, str]

    @contextlib.contextmanager
    def started(self) -> Iterator[str]:
        """Start the process and yield its URL, without waiting until it listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [str(self.programs / "functions-framework"), "--target", self.target]
        command += ["--source", str(self.source), "--host", "127.0.0.1", "--port", str(port)]
        with (
            tempfile.TemporaryFile() as log,
            subprocess.Popen(command, env={**os.environ, **AS_GOOGLE, **self.environment}, stdout=log) as process,
        ):
            yield f"http://127.0.0.1:{port}"
            process.terminate()


def measure(_: bool) -> list[Row]:
    """Measure score_checkout under load, at a cold start, with the endpoint, and while the endpoint does not answer."""
    with tempfile.TemporaryDirectory() as name, _shop(Path(name)) as shop, load.generator() as asking:
        source = Path(name) / "bare" / "main.py"
        source.parent.mkdir()
        source.write_text(textwrap.dedent(BARE).format(answer=ANSWER))
        bare = Function("bare", source, shop.built.programs, {})
        return [
            *_under_load(shop, bare, asking),
            *_cold_start(shop, bare),
            _endpoint(shop),
            *_endpoint_dead(shop, asking),
        ]


@contextlib.contextmanager
def _shop(folder: Path) -> Iterator[Shop]:
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
        served = json.loads(_bucket(clients).blob(recommendations.ARTEFACT).download_as_bytes())
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
    while not _bucket(clients).blob(name).exists():
        if time.monotonic() > until:
            raise RuntimeError(f"there is no {name} after {PATIENCE_SECONDS} seconds")
        time.sleep(0.2)


def _bucket(clients: Environment) -> Any:
    return clients.bucket


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
    pointer = json.loads(_bucket(clients).blob(champion.POINTER).download_as_bytes())
    pointer |= {"candidate": candidate, "scorer": artefact, "inputs": columns}
    there.blob(champion.POINTER).upload_from_string(jsontext.text(pointer))
    for name in (artefact, recommendations.ARTEFACT):
        there.blob(name).upload_from_string(_bucket(clients).blob(name).download_as_bytes())
    return str(there.name)


def _scoring(shop: Shop, candidate: str, *assignments: str) -> Function:
    """Return the function score_checkout with this champion. `assignments` override the function's settings."""
    document = with_overrides(shop.document, [f"bucket={shop.buckets[candidate]}", *assignments])
    environment = {"PROPENSITY_SETTINGS": jsontext.text(document), "PROPENSITY_PSEUDONYM_KEY": "0" * 64}
    return Function("score_checkout", shop.built.main, shop.built.programs, environment)


def _first_answer(url: str, body: bytes) -> httpx.Response:
    """Send the request again and again until the process listens. Return the first answer, which must be a success."""
    with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        while True:
            try:
                answer = client.post(url, content=body, headers={"Content-Type": "application/json"})
            except httpx.ConnectError:
                time.sleep(0.005)
            else:
                return answer.raise_for_status()


def _under_load(shop: Shop, bare: Function, asking: load.Generator) -> Iterator[Row]:
    functions = {"bare": bare, **{candidate: _scoring(shop, candidate) for candidate in CANDIDATES}}
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(function.started()) for name, function in functions.items()}
        for url in urls.values():
            _first_answer(url, shop.body)
        for connections in CONNECTIONS:
            say(f"  {connections} connections, {ROUNDS} rounds")
            loads: dict[str, list[load.Load]] = {name: [] for name in urls}
            for _ in range(ROUNDS):
                for name, url in urls.items():
                    loads[name].append(asking.run(url, shop.body, connections, SECONDS))
            for candidate in CANDIDATES:
                yield from _rows(f"{candidate}, {connections} connections", loads[candidate], loads["bare"])


def _rows(what: str, ours: list[load.Load], floor: list[load.Load]) -> Iterator[Row]:
    lost = sum(one.failed for one in (*ours, *floor))
    if lost:
        raise RuntimeError(f"{what}: {lost} requests were not answered")

    def row(measure: str, of: Callable[[load.Load], float], bound: float) -> Row:
        measured, beside = _median(list(map(of, ours)), list(map(of, floor)))
        return Row(f"{what}: {measure}", measured, "ms", beside, bound)

    yield row("time per request; floor: bare, at most 1 / 0.6 times", lambda one: one.milliseconds_a_request, 1 / 0.6)
    yield row("p50; floor: bare", lambda one: one.percentile(50), 1.5)
    yield row("p99; floor: bare", lambda one: one.percentile(99), 1.5)


def _median(ours: list[float], floor: list[float]) -> tuple[float, float]:
    """Pair each value of `ours` with the value of `floor` at the same position. Return the pair with the median ratio.

    The values of a pair were measured at nearly the same time.
    """
    return sorted(zip(ours, floor, strict=True), key=lambda pair: pair[0] / pair[1])[len(ours) // 2]


def _cold_start(shop: Shop, bare: Function) -> Iterator[Row]:
    say(f"  {STARTS} starts")
    for candidate in CANDIDATES:
        ours, floor = [], []
        for _ in range(STARTS):
            floor.append(_start(bare, shop.body))
            ours.append(_start(_scoring(shop, candidate), shop.body))
        measured, beside = _median(ours, floor)
        yield Row(f"{candidate}: start to first answer; floor: bare", measured, floor=beside, bound=1.6)


def _start(function: Function, body: bytes) -> float:
    began = time.perf_counter()
    with function.started() as url:
        _first_answer(url, body)
        return time.perf_counter() - began


def _endpoint(shop: Shop) -> Row:
    """Measure scoring by the local Vertex AI. The floor is a direct call of the endpoint by Google's client."""
    say(f"  {CALLS} scores of the endpoint")
    overrides = ["online.order=endpoint_first", "online.endpoint_deadline_ms=10000"]
    document = with_overrides({"project": shop.clients.settings.project, **shop.document}, overrides)
    settings = Settings.from_document(document)
    scorer = OnlineScorer(settings)
    serving = settings.serving
    client = PredictionServiceClient(client_options={"api_endpoint": serving.api_endpoint}, transport="rest")
    endpoint = f"projects/{settings.project}/locations/{serving.region}/endpoints/{serving.endpoint_id}"
    found = scorer.snapshot().champion
    if found is None:
        raise RuntimeError("no champion serves")
    instance = found.pointer.instance(FEATURES)
    ours, floor = [], []
    for _ in range(CALLS):
        floor.append(seconds(lambda: client.predict(endpoint=endpoint, instances=[instance])))
        ours.append(seconds(lambda: scorer.score(FEATURES)))
    what = "by the endpoint, median; floor: the client's call alone"
    return Row(what, statistics.median(ours) * 1e3, "ms", statistics.median(floor) * 1e3, 1.3)


def _endpoint_dead(shop: Shop, asking: load.Generator) -> Iterator[Row]:
    """Measure scoring while the endpoint never answers.

    The embedded scorer must answer instead, and the circuit breaker must soon stop the calls of the endpoint.
    """
    say("  the endpoint is dead")
    with _silent() as (address, asked):
        overrides = ["online.order=endpoint_first", f"online.endpoint_deadline_ms={DEADLINE_MS}"]
        overrides += ["online.breaker_open_seconds=60", f"serving.api_endpoint={address}"]
        with _scoring(shop, "boosted_trees", *overrides).started() as url:
            _first_answer(url, shop.body)
            dead = asking.run(url, shop.body, 8, DEAD_SECONDS, is_warm=False)
    yield Row("endpoint dead: requests lost", dead.failed, "", 1, 0)
    yield Row("endpoint dead: p99; floor: the deadline", dead.percentile(99), "ms", DEADLINE_MS, 1.1)
    yield Row("endpoint dead: slowest; floor: the deadline", max(dead.milliseconds), "ms", DEADLINE_MS)
    yield Row("endpoint dead: requests until the breaker opened; floor: 20", len(asked), "", 20, 1)


@contextlib.contextmanager
def _silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """Yield the URL of a server that accepts connections and never answers, and the list of these connections."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for one in taken:
                one.close()
