"""Serve the public REST API of the local BigQuery, with BigQuery ML.

The gateway forwards most requests, e.g. plain SELECT statements, to the emulator, and returns the emulator's answers
unchanged. The gateway itself handles the requests that the emulator cannot handle: statements and jobs that use models
or write to Cloud Storage, and scripts that contain such statements.
"""

import contextlib
import importlib
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud.bigquery.emulator.launch import Emulator
from deskcloud.bigquery.gateway.audit import Audit
from deskcloud.bigquery.gateway.emulator import EmulatorClient
from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.bigquery.gateway.job_routes import JobRoutes
from deskcloud.bigquery.gateway.jobs import Jobs
from deskcloud.bigquery.gateway.kept_models import Models
from deskcloud.bigquery.gateway.model_routes import ModelRoutes
from deskcloud.bigquery.gateway.passthrough import Passthrough
from deskcloud.bigquery.gateway.state import Database
from deskcloud.bigquery.gateway.strict import Strict
from deskcloud.bigquery.gateway.uploading import Storage
from deskcloud.bigquery.gateway.vertex_registry import Registry
from deskcloud.bigquery.gateway.watch import Watch
from deskcloud.bigquery.gateway.work import Services

_LOG = logging.getLogger(__name__)
# Python raises these errors when a request's JSON or parameters have the wrong form.
_INPUT_ERRORS = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_PROJECT = "/bigquery/v2/projects/{project}"
_DATASET = f"{_PROJECT}/datasets/{{dataset}}"
_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(
    emulator: Emulator,
    state: Path,
    *,
    storage_url: str | None = None,
    logging_url: str | None = None,
    vertex_url: str | None = None,
    vertex_location: str = "us-central1",
    is_on_demand: bool = False,
    is_strict: bool = False,
) -> Starlette:
    """Return the gateway as an ASGI app. Below the folder `state`, the app stores models and the jobs that it runs.

    If a service has no URL, a request that needs the service fails. Without `logging_url`, the gateway writes no audit
    entries.

    If `is_on_demand`, the gateway refuses to train a matrix factorization, because this needs a reservation on Google
    Cloud. If `is_strict`, Google's analyzer checks each statement before it runs.
    """
    state = state.absolute()
    database = Database(state / "gateway.sqlite")
    client = EmulatorClient(emulator)
    models = Models(database, state / "models")
    storage = Storage(storage_url) if storage_url else None
    registry = Registry(vertex_url, vertex_location) if vertex_url else None
    audit = Audit(database, logging_url)
    services = Services(client, models, storage, registry, is_on_demand)
    jobs = Jobs(database, services, audit)
    watch = Watch(database, client, audit)
    passthrough = Passthrough(emulator)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Import this module ahead of time. Otherwise XGBoost would import it at the first training, and this training
        # would take a second longer.
        threading.Thread(target=importlib.import_module, args=["xgboost.sklearn"], daemon=True).start()
        yield
        await passthrough.aclose()
        for part in (jobs, watch, audit, client, storage, registry, database):
            if part:
                part.close()

    return Starlette(
        routes=_routes(
            passthrough,
            JobRoutes(passthrough, client, jobs, watch, Strict(services) if is_strict else None),
            ModelRoutes(passthrough, client, models, registry),
        ),
        exception_handlers={
            BigQueryError: _refuse,
            httpx.TransportError: _unavailable,
            **dict.fromkeys(_INPUT_ERRORS, _malformed),
        },
        lifespan=lifespan,
    )


def _routes(passthrough: Passthrough, jobs: JobRoutes, models: ModelRoutes) -> list[Route]:
    async def forward(request: Request) -> Response:
        return await passthrough.forward(request)

    return [
        Route(f"{_PROJECT}/queries", jobs.query, methods=["POST"]),
        Route(f"{_PROJECT}/queries/{{job}}", jobs.results, methods=["GET"]),
        Route(f"{_PROJECT}/jobs", jobs.insert, methods=["POST"]),
        Route(f"{_PROJECT}/jobs", jobs.list, methods=["GET"]),
        Route(f"{_PROJECT}/jobs/{{job}}", jobs.get, methods=["GET"]),
        Route(f"{_PROJECT}/jobs/{{job}}/cancel", jobs.cancel, methods=["POST"]),
        Route(f"{_PROJECT}/jobs/{{job}}/delete", jobs.delete, methods=["DELETE"]),
        Route(_DATASET, models.delete_dataset, methods=["DELETE"]),
        Route(f"{_DATASET}/tables", models.insert_table, methods=["POST"]),
        Route(f"{_DATASET}/models", models.list, methods=["GET"]),
        Route(f"{_DATASET}/models/{{model}}", models.get, methods=["GET"]),
        Route(f"{_DATASET}/models/{{model}}", models.patch, methods=["PATCH"]),
        Route(f"{_DATASET}/models/{{model}}", models.delete, methods=["DELETE"]),
        Route(f"/upload{_PROJECT}/jobs", jobs.upload, methods=["POST", "PUT"]),
        Route("/{path:path}", forward, methods=_ALL_METHODS),
    ]


async def _refuse(_: Request, error: Any) -> Response:
    response: Response = error.response()
    return response


async def _malformed(request: Request, error: Exception) -> Response:
    _LOG.exception("a request to %s cannot be read", request.url.path, exc_info=error)
    return BigQueryError("invalid", f"The local BigQuery cannot read this request: {error!r}").response()


async def _unavailable(_: Request, error: Exception) -> Response:
    return BigQueryError("backendError", f"The BigQuery emulator does not answer: {error!r}").response()
