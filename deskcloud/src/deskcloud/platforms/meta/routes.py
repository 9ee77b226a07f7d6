"""Meta's Graph API for Custom Audiences.

https://developers.facebook.com/documentation/ads-commerce/marketing-api/reference/custom-audience
"""

import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud import jsontext
from deskcloud.document import AdAccount
from deskcloud.platforms import front
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.meta import rules, wire
from deskcloud.platforms.meta.audiences import ADD, REMOVE, REPLACE, Audiences
from deskcloud.platforms.meta.errors import (
    BlockedError,
    ExpiredTokenError,
    GraphError,
    PermissionDeniedError,
    ServiceError,
    TokenError,
    TooManyCallsError,
    UnknownPathError,
)
from deskcloud.platforms.quota import Quota
from deskcloud.web.answers import JSONResponse

_HOUR = 3600.0
_TOO_MANY = "(#80003) There have been too many calls to this ad-account. Wait a bit and try again."
_EXPIRED = "Error validating access token: Session has expired."


def create_app(audiences: Audiences, clock: Clock, settings: AdAccount, token: str) -> Starlette:
    """Return an ASGI app that serves the Graph API to clients with the access token."""
    app = Starlette(
        routes=[
            Route("/{version}/{audience}", describe),
            Route("/{version}/{audience}/users", add, methods=["POST"]),
            Route("/{version}/{audience}/users", remove, methods=["DELETE"]),
            Route("/{version}/{audience}/usersreplace", replace, methods=["POST"]),
            Route("/{version}/{audience}/sessions", sessions),
            Route("/{path:path}", unknown, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={GraphError: _error},
    )
    app.state.audiences, app.state.token, app.state.account = audiences, token, settings.id
    app.state.quota = Quota(settings.calls_per_hour, _HOUR, clock.now)
    return app


def refusals(settings: AdAccount) -> front.Refusals:
    """Return the ad account's answer to each kind of planned fault."""

    def refusal(error: GraphError, minutes: int = 0) -> Callable[[], Response]:
        headers = _usage(settings.id, 100 if minutes else 1, minutes)
        return lambda: JSONResponse(error.body(), error.status, headers=headers)

    return {
        "too_many_requests": refusal(TooManyCallsError(_TOO_MANY), 1),
        "blocked": refusal(BlockedError("(#368) The action attempted has been deemed abusive or is disallowed.")),
        "server_error": refusal(ServiceError("An unexpected error has occurred. Please retry your request later.")),
        "expired_token": refusal(ExpiredTokenError(_EXPIRED)),
        "permission_denied": refusal(PermissionDeniedError("(#200) Permissions error")),
    }


def _usage(account: str, percent: int, minutes: int) -> dict[str, str]:
    """Return the header with `percent` (the used share of the quota) and `minutes` (until calls are possible again).

    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    usage = {
        "type": "custom_audience",
        "call_count": percent,
        "total_cputime": percent,
        "total_time": percent,
        "estimated_time_to_regain_access": minutes,
        "ads_api_access_tier": "development_access",
    }
    return {"X-Business-Use-Case-Usage": jsontext.text({account.removeprefix("act_"): [usage]})}


def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GraphError)  # noqa: S101 - Starlette types the argument as Exception
    return _answer(request, error.body(), error.status)


def _answer(request: Request, content: Any, status: int = 200) -> Response:
    quota: Quota = request.app.state.quota
    minutes = math.ceil(quota.seconds / 60)
    return JSONResponse(content, status, headers=_usage(request.app.state.account, quota.percent, minutes))


async def _given(request: Request) -> dict[str, Any]:
    """Check the API version, the access token and the quota, and return the request's parameters."""
    rules.check_version(request.path_params["version"])
    given = await wire.parameters(request)
    token = wire.token(request, given)
    if not token:
        raise TokenError("An access token is required to request this resource.")
    if not secrets.compare_digest(token.encode(), request.app.state.token.encode()):
        raise TokenError("Invalid OAuth access token - Cannot parse access token")
    if request.app.state.quota.take():
        raise TooManyCallsError(_TOO_MANY)
    return given


async def _changed(request: Request, action: str) -> Response:
    given, audiences = await _given(request), _audiences(request)

    def change() -> Mapping[str, Any]:
        found = rules.upload(given.get("payload"), front.failing(request))
        session = rules.session(given.get("session"))
        never_ends = front.never_ends(request)
        return audiences.change(request.path_params["audience"], action, found, session, never_ends=never_ends)

    return _answer(request, await run_in_threadpool(change))


def _audiences(request: Request) -> Audiences:
    audiences: Audiences = request.app.state.audiences
    return audiences


async def add(request: Request) -> Response:
    """Add people to an audience."""
    return await _changed(request, ADD)


async def remove(request: Request) -> Response:
    """Remove people from an audience."""
    return await _changed(request, REMOVE)


async def replace(request: Request) -> Response:
    """Replace all people of an audience with the people of a session."""
    return await _changed(request, REPLACE)


async def describe(request: Request) -> Response:
    """Return the fields of an audience that the parameter `fields` names. By default, return the audience's id."""
    given = await _given(request)
    fields = [one.strip() for one in str(given.get("fields", "id")).split(",") if one.strip()]
    return _answer(request, _audiences(request).describe(request.path_params["audience"], fields))


async def sessions(request: Request) -> Response:
    """Return the upload sessions of an audience."""
    given = await _given(request)
    found = _audiences(request).sessions(request.path_params["audience"], given.get("session_id"))
    return _answer(request, {"data": found, "paging": {}})


def unknown(request: Request) -> Response:
    """Refuse a request for a path that this service does not have.

    Raises:
        OldVersionError: the path begins with a version that is not available any more.
        UnknownPathError: in all other cases.
    """
    rules.check_version(request.url.path.strip("/").partition("/")[0])
    raise UnknownPathError(f"(#2500) Unknown path components: {request.url.path}")
