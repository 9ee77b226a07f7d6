"""Run a local cloud on 127.0.0.1: start its services, create the declared resources, and stop the services again."""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deskcloud import functions, logs, platforms, provisioning, pubsub, scheduler, storage, vertex
from deskcloud.bigquery.emulator import launch
from deskcloud.bigquery.gateway import app as gateway
from deskcloud.document import Document, Functions
from deskcloud.provisioning import topic_path
from deskcloud.pubsub.client import publisher
from deskcloud.web import credentials, guard, serving
from deskcloud.web.guard import Rules

# The names of two secrets. The ports of the services require the first. The functions' port requires the second, which
# is in the URL of Pub/Sub's pushes. Every process on this machine can read this URL in a subscription, and must not
# learn the first secret from it.
_PORTS, _PUSHES = "ports", "pushes"


class AlreadyRunningError(RuntimeError):
    """Another cloud uses this state folder."""


@dataclass(frozen=True)
class Ports:
    """The port of each service on 127.0.0.1. 0 means any free port."""

    bigquery: int = 0
    bigquery_storage: int = 0
    storage: int = 0
    pubsub: int = 0
    vertex: int = 0
    logging: int = 0
    functions: int = 0
    datamanager: int = 0
    meta: int = 0
    salesforce: int = 0
    mail: int = 0
    platforms: int = 0


@dataclass
class Cloud:
    """A running cloud."""

    environment: dict[str, str]
    """The environment variables that connect clients with the services, and those that the document declares."""
    services: dict[str, str]
    """Maps a service's name to its address. An HTTP address contains the secret that the service requires, if any."""
    urls: dict[str, str]
    """Maps the name of an HTTP function to its URL."""
    pubsub: pubsub.Server
    scheduler: scheduler.Scheduler


type Running = contextlib.AbstractContextManager[Cloud]


@contextlib.contextmanager
def run(
    state: Path,
    document: Document,
    *,
    ports: Ports = Ports(),
    on_line: Callable[[dict[str, Any]], None] = lambda _: None,
    is_fresh: bool = False,
    is_isolated: bool = False,
    is_strict: bool = False,
    is_held: bool = False,
    reached_at: Callable[[str, str], str] = lambda _service, url: url,
) -> Iterator[Cloud]:
    """Yield the cloud once all services answer. Stop everything when the context ends.

    Args:
        state: the folder for persistent state.
        document: the declaration of the cloud (document.py), with its resources and settings.
        ports: the services' ports.
        on_line: called with each log entry of the functions.
        is_fresh: first delete all folders inside the state folder.
        is_isolated: run one process per function, as on Google Cloud, instead of one process for all functions.
        is_strict: check each statement with Google's analyzer before BigQuery runs the statement.
        is_held: publish no scheduled messages until the caller starts the scheduler.
        reached_at: called with a service's name and address. It returns the address under which the other services
            reach this service. A test can return the address of a proxy.

    Raises:
        AlreadyRunningError: another process runs a cloud with this state folder.
        OSError: a port is taken.
    """
    state, project = state.resolve(), document.project
    with contextlib.ExitStack() as stack:
        stack.enter_context(_sole_owner(state, is_fresh=is_fresh))
        wanted = document.functions.secrets if document.functions else ()
        secrets = credentials.secrets(state, {_PORTS, _PUSHES, *wanted})
        known, pushed = secrets.pop(_PORTS), secrets.pop(_PUSHES)
        grants = credentials.Grants(state, known)
        rules = Rules(known, is_signed=grants.is_signed)

        def opened(service: str, url: str) -> str:
            return guard.with_secret(reached_at(service, url), known)

        broker = stack.enter_context(pubsub.serve(state / "pubsub", ports.pubsub))
        publish = publisher(broker.host)
        tables = logs.Tables()
        log = logs.Router(state / "logging", _sinks(document), publish, tables=tables)
        files = stack.enter_context(storage.serve(state / "storage", ports.storage, rules))
        logging_url = stack.enter_context(serving.serve(logs.create_app(log), ports.logging, rules))
        models = vertex.create_app(state / "vertex", grants=grants)
        granting = replace(rules, open=frozenset({credentials.TOKEN_PATH}))
        vertex_url = stack.enter_context(serving.serve(models, ports.vertex, granting))
        warehouse = stack.enter_context(
            launch.run(
                state / "bigquery",
                project=project,
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
            vertex_location=document.region,
            is_on_demand=not document.has_reservation,
            is_strict=is_strict,
        )
        bigquery_url = stack.enter_context(serving.serve(app, ports.bigquery, rules))
        stack.enter_context(tables.delivered(guard.with_secret(bigquery_url, known), project))
        others = stack.enter_context(platforms.run(state, document.platforms, asdict(ports), rules))
        account = credentials.service_account_file(state, f"{vertex_url}/token", project)
        services = {
            "bigquery": guard.with_secret(bigquery_url, known),
            "bigquery_storage": warehouse.grpc_address,
            "storage": guard.with_secret(files.url, known),
            "pubsub": broker.host,
            "vertex": guard.with_secret(vertex_url, known),
            "logging": guard.with_secret(logging_url, known),
            **others.services(),
        }

        def environment(address: Callable[[str, str], str]) -> dict[str, str]:
            at = {
                "BIGQUERY_URL": guard.with_secret(address("bigquery", bigquery_url), known),
                "STORAGE_URL": guard.with_secret(address("storage", files.url), known),
                "PUBSUB_HOST": address("pubsub", broker.host),
                "VERTEX_URL": address("vertex", vertex_url),
                "LOGGING_URL": address("logging", logging_url),
                **others.variables(address),
            }
            given = document.functions.environment if document.functions else {}
            return {
                **credentials.environment(account, project),
                "BIGQUERY_EMULATOR_HOST": at["BIGQUERY_URL"],
                "STORAGE_EMULATOR_HOST": at["STORAGE_URL"],
                "PUBSUB_EMULATOR_HOST": at["PUBSUB_HOST"],
                **others.environment(address),
                **{name: _filled(value, at) for name, value in given.items()},
            }

        def write(service: str, line: str) -> None:
            entry = logs.entry_from_line(line, service, project)
            log.write([entry])
            on_line(entry)

        urls = {}
        if document.functions:
            functions_url = stack.enter_context(
                _functions(
                    document.functions,
                    environment(reached_at) | secrets,
                    ports.functions,
                    write,
                    pushed,
                    is_isolated=is_isolated,
                )
            )
            services["functions"] = guard.with_secret(functions_url, pushed)
            urls = {one.name: f"{functions_url}/{one.name}" for one in document.functions.entry_points if one.http}
        schedules = [
            scheduler.Schedule(one.name, one.cron, one.time_zone, topic_path(project, one.topic), one.body)
            for one in document.schedules
        ]
        clock = stack.enter_context(scheduler.run(schedules, publish, is_held=is_held))
        pushing = guard.with_secret(reached_at("functions", functions_url), pushed) if document.functions else ""
        provisioning.everything(document, services | {"functions": pushing})
        told = environment(lambda _, url: url) | _for_other_clients(files.url, warehouse.grpc_address, known)
        told |= others.credentials
        yield Cloud(told, services, urls, broker, clock)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _functions(
    named: Functions,
    environment: dict[str, str],
    port: int,
    write: functions.OnLine,
    secret: str,
    *,
    is_isolated: bool,
) -> contextlib.AbstractContextManager[str]:
    # If all functions share a process, this process imports the modules of `warm_up` before its first event, like a
    # warm instance. Separate processes start cold, as on Google Cloud.
    warm_up = {} if is_isolated else {functions.WARM_UP: " ".join(named.warm_up)}
    pages = {f"/{one.name}": one.origins for one in named.entry_points if one.http}
    return functions.serve(
        Path(named.source),
        [one.name for one in named.entry_points],
        environment | warm_up,
        port,
        write,
        is_isolated=is_isolated,
        rules=Rules(secret, open=frozenset(pages), pages=pages),
    )


def _sinks(document: Document) -> list[logs.Sink]:
    return [
        logs.Sink(one.name, one.filter, dataset=f"{document.project}.{one.dataset}")
        if one.dataset
        else logs.Sink(one.name, one.filter, topic_path(document.project, one.topic or ""))
        for one in document.sinks
    ]


def _for_other_clients(storage_url: str, reading_address: str, secret: str) -> dict[str, str]:
    """Return the environment variables for clients that are not Google's. docs/clients.md describes these clients."""
    return {
        "BIGQUERY_STORAGE_EMULATOR_HOST": reading_address,
        # Google's C++ client, which pyarrow and pandas use, reads this variable.
        "CLOUD_STORAGE_EMULATOR_ENDPOINT": guard.with_secret(storage_url, secret),
        # Without this variable, gcsfs would send a token in the Authorization header. Its HTTP client, aiohttp, refuses
        # this header if the URL contains a password, which here is the secret.
        "FSSPEC_GCS_TOKEN": "anon",
    }


@contextlib.contextmanager
def _sole_owner(state: Path, *, is_fresh: bool) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    # Other users of this machine must not read the files. One of the files holds the secret that the ports require.
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
