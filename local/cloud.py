"""The whole cloud on one machine: starts every service on 127.0.0.1, makes what is declared, ends what it started."""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local import auth, declarations, functions, guard, logging, provision, pubsub, scheduler, serving
from local import storage as local_storage
from local import vertex as local_vertex
from local.bigquery import emulator, gateway
from local.declarations import ROOT, Declarations
from local.guard import Rules
from local.pubsub.client import publisher
from shared import jsontext

# What the functions import when they first use it, which takes a second or two of a processor.
GOOGLE_CLIENTS = (
    "google.cloud.bigquery",
    "google.cloud.storage",
    "google.cloud.pubsub_v1",
    "google.cloud.aiplatform_v1",
)

# What the ports ask for, and what Pub/Sub's pushes bring. They are two, since a subscription shows where it pushes.
_PORTS, _PUSHES = "ports", "pushes"


class AlreadyRunningError(RuntimeError):
    """Another local cloud has this state."""


@dataclass(frozen=True)
class Ports:
    """Where each service listens on 127.0.0.1; 0 takes a free port."""

    bigquery: int = 0
    bigquery_storage: int = 0
    storage: int = 0
    pubsub: int = 0
    vertex: int = 0
    logging: int = 0
    functions: int = 0


@dataclass(frozen=True)
class Backoff:
    """How soon a failed delivery is made again: sooner than on Google Cloud, since a person is waiting.

    `attempts` is how many there are before a message is dead; None means as many as are declared.
    """

    minimum_seconds: float = 0.2
    maximum_seconds: float = 5.0
    attempts: int | None = None


@dataclass
class LocalCloud:
    """A running local cloud."""

    environment: dict[str, str]
    """The variables that point any Google client, and the functions, at it."""
    services: dict[str, str]
    """Each service's address, by name; with the secret that it asks for, where it asks for one."""
    urls: dict[str, str]
    """Each HTTP function's address, by its name."""
    pubsub: pubsub.Server
    scheduler: scheduler.Scheduler


@contextlib.contextmanager
def run(
    state: Path,
    names: provision.Names,
    settings: Mapping[str, Any],
    *,
    ports: Ports = Ports(),
    backoff: Backoff = Backoff(),
    on_line: Callable[[dict[str, Any]], None] = lambda _: None,
    is_fresh: bool = False,
    is_isolated: bool = False,
    is_on_demand: bool = False,
    is_strict: bool = False,
    is_held: bool = False,
    reached_at: Callable[[str, str], str] = lambda _service, url: url,
) -> Iterator[LocalCloud]:
    """Yield the cloud once all of it answers; everything it started has ended when this returns.

    Args:
        state: a folder that keeps everything over a restart.
        names: what the project, bucket, dataset and endpoint are called.
        settings: what differs from the project's default settings.
        ports: where the services listen.
        backoff: how soon a failed delivery is made again.
        on_line: called with each log entry of the functions.
        is_fresh: empty the state first, once nobody else is found to use it.
        is_isolated: one process a function, as on Google Cloud, instead of one for all.
        is_on_demand: BigQuery answers as a project's without a reservation does, which trains no matrix factorization.
        is_strict: Google's own analyzer judges each statement before BigQuery runs it.
        is_held: no schedule begins until the caller starts the scheduler.
        reached_at: given a service's name in `services` and its address, the address at which the others reach it:
            room for what a test puts in between.

    Raises:
        AlreadyRunningError: another process runs a cloud on this state.
        OSError: a port is taken.
    """
    state = state.resolve()
    declared = _with_backoff(declarations.read(), backoff)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_sole_owner(state, is_fresh=is_fresh))
        secrets = auth.secrets(state, {_PORTS, _PUSHES} | {name for one in declared.functions for name in one.secrets})
        known, pushed = secrets.pop(_PORTS), secrets.pop(_PUSHES)
        grants = auth.Grants(state, known)
        rules = Rules(known, is_signed=grants.is_signed)

        def opened(service: str, url: str) -> str:
            return guard.with_secret(reached_at(service, url), known)

        broker = stack.enter_context(pubsub.serve(state / "pubsub", ports.pubsub))
        publish = publisher(broker.host)
        tables = logging.Tables()
        log = logging.Router(state / "logging", _sinks(declared, names), publish, tables=tables)
        files = stack.enter_context(local_storage.serve(state / "storage", ports.storage, rules))
        logging_url = stack.enter_context(serving.serve(logging.create_app(log), ports.logging, rules))
        models = local_vertex.create_app(state / "vertex", grants=grants)
        granting = replace(rules, open=frozenset({auth.TOKEN_PATH}))
        vertex_url = stack.enter_context(serving.serve(models, ports.vertex, granting))
        warehouse = stack.enter_context(
            emulator.run(
                state / "bigquery",
                project=names.project,
                buckets=files.root,
                grpc_port=ports.bigquery_storage,
                reading_secret=known,
            )
        )
        app = gateway.create_app(
            warehouse,
            state / "bigqueryml",
            storage_url=guard.with_secret(files.url, known),
            logging_url=opened("logging", logging_url),
            vertex_url=guard.with_secret(vertex_url, known),
            vertex_location=names.region,
            is_on_demand=is_on_demand,
            is_strict=is_strict,
        )
        bigquery_url = stack.enter_context(serving.serve(app, ports.bigquery, rules))
        stack.enter_context(tables.delivered(guard.with_secret(bigquery_url, known), names.project))
        account = auth.service_account_file(state, f"{vertex_url}/token", names.project)

        def environment(address: Callable[[str, str], str]) -> dict[str, str]:
            return {
                **auth.environment(account, names.project),
                "BIGQUERY_EMULATOR_HOST": guard.with_secret(address("bigquery", bigquery_url), known),
                "STORAGE_EMULATOR_HOST": guard.with_secret(address("storage", files.url), known),
                "PUBSUB_EMULATOR_HOST": address("pubsub", broker.host),
                "PROPENSITY_SETTINGS": jsontext.text(_with_vertex(settings, address("vertex", vertex_url))),
            }

        def write(service: str, line: str) -> None:
            entry = logging.entry_from_line(line, service, names.project)
            log.write([entry])
            on_line(entry)

        entry_points = [function.name for function in declared.functions]
        # One process for all serves its first event as a kept-warm instance does; one for each starts as cold as there.
        warm_up = {} if is_isolated else {functions.WARM_UP: " ".join(GOOGLE_CLIENTS)}
        answering = frozenset(f"/{one.name}" for one in declared.functions if one.is_http)
        origins = tuple(settings.get("online", {}).get("origins", ()))
        functions_url = stack.enter_context(
            functions.serve(
                ROOT / "main.py",
                entry_points,
                environment(reached_at) | secrets | warm_up,
                ports.functions,
                write,
                is_isolated=is_isolated,
                rules=Rules(pushed, open=answering, pages=dict.fromkeys(answering, origins)),
            )
        )
        schedules = [
            scheduler.Schedule(name, one["cron"], one["time_zone"], names.topic(one["topic"]), one["body"])
            for name, one in declared.schedules.items()
        ]
        clock = stack.enter_context(scheduler.run(schedules, publish, is_held=is_held))
        services = {
            "bigquery": guard.with_secret(bigquery_url, known),
            "bigquery_storage": warehouse.grpc_address,
            "storage": guard.with_secret(files.url, known),
            "pubsub": broker.host,
            "vertex": guard.with_secret(vertex_url, known),
            "logging": guard.with_secret(logging_url, known),
            "functions": guard.with_secret(functions_url, pushed),
        }
        pushing = guard.with_secret(reached_at("functions", functions_url), pushed)
        provision.everything(declared, names, services | {"functions": pushing})
        urls = {one.name: f"{functions_url}/{one.name}" for one in declared.functions if one.is_http}
        addresses = {f"PROPENSITY_{name.upper()}_URL": url for name, url in urls.items()}
        told = (
            environment(lambda _, url: url) | addresses | _for_other_clients(files.url, warehouse.grpc_address, known)
        )
        yield LocalCloud(told, services, urls, broker, clock)


def _sinks(declared: Declarations, names: provision.Names) -> list[logging.Sink]:
    return [
        logging.Sink(name, declarations.filter_of(sink, names.export), dataset=f"{names.project}.{names.dataset}")
        if "table" in sink
        else logging.Sink(name, declarations.filter_of(sink, names.export), names.topic(sink["topic"]))
        for name, sink in declared.sinks.items()
    ]


def _for_other_clients(storage_url: str, reading_address: str, secret: str) -> dict[str, str]:
    """What the functions do not need, but people's clients: docs/clients.md."""
    return {
        "BIGQUERY_STORAGE_EMULATOR_HOST": reading_address,
        # Google's client for C++, which pyarrow has, and pandas by way of it.
        "CLOUD_STORAGE_EMULATOR_ENDPOINT": guard.with_secret(storage_url, secret),
        # gcsfs looks for a token otherwise, and aiohttp refuses that beside the secret in the URL.
        "FSSPEC_GCS_TOKEN": "anon",
    }


def _with_vertex(settings: Mapping[str, Any], vertex_url: str) -> dict[str, Any]:
    serving_settings = {**settings.get("serving", {}), "api_endpoint": vertex_url}
    return {**settings, "serving": serving_settings}


def _with_backoff(declared: Declarations, backoff: Backoff) -> Declarations:
    delivery = replace(
        declared.delivery,
        minimum_backoff_seconds=backoff.minimum_seconds,
        maximum_backoff_seconds=backoff.maximum_seconds,
        max_delivery_attempts=backoff.attempts or declared.delivery.max_delivery_attempts,
    )
    return replace(declared, delivery=delivery)


@contextlib.contextmanager
def _sole_owner(state: Path, *, is_fresh: bool) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    # What the ports keep from other users of the machine, its files have to.
    state.chmod(0o700)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(f"a local cloud already runs on the state in {state}") from None
        if is_fresh:
            for part in state.iterdir():
                if part.is_dir():
                    shutil.rmtree(part)
        yield
