"""Data Manager's REST API v1: https://developers.google.com/data-manager/api/reference/rest."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud.document import DataManager
from deskcloud.platforms import front
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.datamanager import wire
from deskcloud.platforms.datamanager.audiences import Audiences
from deskcloud.platforms.datamanager.errors import (
    DataManagerError,
    InternalError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
)
from deskcloud.platforms.quota import Quota
from deskcloud.web.answers import JSONResponse

# Reads and writes have separate quotas: https://developers.google.com/data-manager/api/devguides/limits.
_WRITES, _READS = "IngestionMutateRequestsPerMinutePerProject", "IngestionReadRequestsPerMinutePerProject"
_MINUTE = 60.0


def create_app(audiences: Audiences, clock: Clock, settings: DataManager) -> Starlette:
    """Return an ASGI app that serves Data Manager's API. The port's guard checks the access token."""
    app = Starlette(
        routes=[
            Route("/v1/audienceMembers:ingest", ingest, methods=["POST"]),
            Route("/v1/audienceMembers:remove", remove, methods=["POST"]),
            Route("/v1/audienceMembers:removeAll", remove_all, methods=["POST"]),
            Route("/v1/requestStatus:retrieve", retrieve),
            Route("/{path:path}", unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        exception_handlers={DataManagerError: _error},
    )
    app.state.audiences = audiences
    app.state.quotas = {name: Quota(settings.requests_per_minute, _MINUTE, clock.now) for name in (_WRITES, _READS)}
    return app


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, DataManagerError)  # noqa: S101 - Starlette types the argument as Exception
    return JSONResponse(error.body(), error.code, headers=error.headers)


def _refusal(make: Callable[[], DataManagerError]) -> Callable[[], Response]:
    def respond() -> Response:
        error = make()
        return JSONResponse(error.body(), error.code, headers=error.headers)

    return respond


REFUSALS: front.Refusals = {
    "too_many_requests": _refusal(lambda: ResourceExhaustedError(_WRITES, 1.0)),
    "server_error": _refusal(lambda: InternalError("An internal error has occurred.")),
    "permission_denied": _refusal(lambda: PermissionDeniedError("The caller does not have permission.")),
    "expired_token": _refusal(lambda: UnauthenticatedError("Request had invalid authentication credentials.")),
}


def _audiences(request: Request) -> Audiences:
    audiences: Audiences = request.app.state.audiences
    return audiences


def _take(request: Request, name: str) -> None:
    quota: Quota = request.app.state.quotas[name]
    if seconds := quota.take():
        raise ResourceExhaustedError(name, seconds)


async def _body(request: Request) -> dict[str, Any]:
    _take(request, _WRITES)
    called = wire.method(request.method, request.url.path)
    wire.check_query(called, request.query_params.multi_items())
    return await run_in_threadpool(wire.read, called, await request.body())


async def _changed(request: Request, action: str) -> Response:
    body, never_ends = await _body(request), front.never_ends(request)
    return JSONResponse(
        await run_in_threadpool(
            lambda: _audiences(request).change(action, body, front.failing(request), never_ends=never_ends)
        )
    )


async def ingest(request: Request) -> Response:
    """Add members to user lists."""
    return await _changed(request, "ingest")


async def remove(request: Request) -> Response:
    """Remove members from user lists."""
    return await _changed(request, "remove")


async def remove_all(request: Request) -> Response:
    """Remove all members of user lists, or only members that were last added before a time."""
    body, never_ends = await _body(request), front.never_ends(request)
    return JSONResponse(await run_in_threadpool(lambda: _audiences(request).remove_all(body, never_ends=never_ends)))


def retrieve(request: Request) -> Response:
    """Return the status of a request."""
    _take(request, _READS)
    wire.check_query(wire.method("GET", request.url.path), request.query_params.multi_items())
    return JSONResponse(_audiences(request).status(request.query_params["requestId"]))


def unknown(request: Request) -> Response:
    """Refuse a request that calls no method of this service.

    Raises:
        NotFoundError: always.
    """
    wire.method(request.method, request.url.path)
    raise AssertionError(request.url.path)
