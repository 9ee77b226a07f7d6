"""Measure the function score_checkout under load, compared with a minimal function that answers constant JSON.

Both functions are served as on Google Cloud, by functions-framework under gunicorn with one worker. The same load
generator tests them in turns. Only the requirements of score_checkout's bundle are installed. Models and
recommendations come from a real run of the chain.
"""

import contextlib
import socket
import statistics
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from benchmarks import load
from benchmarks.measure import Row, say, seconds
from benchmarks.served import CANDIDATES, FEATURES, Function, Shop, first_answer, open_shop, scoring, seconds_to_start
from cli.assignments import with_overrides
from shared import jsontext
from shared.online.scorer import OnlineScorer
from shared.settings import Settings

CONNECTIONS = (1, 8, 32)
# Many short rounds are measured, so that other work on the machine affects only a few of the rounds.
ROUNDS, SECONDS = 9, 1.0
STARTS, CALLS = 5, 200
DEADLINE_MS = 300
DEAD_SECONDS = 5.0

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


def measure(_: bool) -> list[Row]:
    """Measure score_checkout under load, at a cold start, with the endpoint, and while the endpoint does not answer."""
    with tempfile.TemporaryDirectory() as name, open_shop(Path(name)) as shop, load.generator() as asking:
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


def _under_load(shop: Shop, bare: Function, asking: load.Generator) -> Iterator[Row]:
    functions = {"bare": bare, **{candidate: scoring(shop, candidate) for candidate in CANDIDATES}}
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(function.started()).url for name, function in functions.items()}
        for url in urls.values():
            first_answer(url, shop.body)
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
            floor.append(seconds_to_start(bare, shop.body))
            ours.append(seconds_to_start(scoring(shop, candidate), shop.body))
        measured, beside = _median(ours, floor)
        yield Row(f"{candidate}: start to first answer; floor: bare", measured, floor=beside, bound=1.6)


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
        with scoring(shop, "boosted_trees", *overrides).started() as process:
            first_answer(process.url, shop.body)
            dead = asking.run(process.url, shop.body, 8, DEAD_SECONDS, is_warm=False)
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
