"""The admin API of the platforms. Tests plan faults, move the clock, and see what the platforms have received.

docs/platforms.md describes the routes. The real platforms have no such API.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud.document import Fault
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.faults import Plan, UnknownFaultError
from deskcloud.platforms.state import State
from deskcloud.web.answers import JSONResponse


@dataclass(frozen=True)
class Platform:
    """The parts of a platform that the admin API uses. `settle` processes the requests whose delay has passed."""

    state: State
    plan: Plan
    settle: Callable[[], object]


class _Faults(Struct, forbid_unknown_fields=True):
    faults: list[Fault]


class _Advance(Struct, forbid_unknown_fields=True):
    advance_seconds: float


def create_app(platforms: Mapping[str, Platform], clock: Clock) -> Starlette:
    """Return an ASGI app that serves the admin API. `platforms` maps each platform's name to the platform."""
    app = Starlette(
        routes=[
            Route("/clock", show_clock),
            Route("/clock", advance_clock, methods=["POST"]),
            Route("/{platform}/faults", list_faults),
            Route("/{platform}/faults", replace_faults, methods=["PUT"]),
            Route("/{platform}/requests", list_requests),
            Route("/{platform}/members/{list:path}", list_members),
            Route("/{platform}/messages", list_messages),
        ],
        exception_handlers={HTTPException: _error, msgspec.DecodeError: _error, UnknownFaultError: _error},
    )
    app.state.platforms, app.state.clock = platforms, clock
    return app


def _error(_: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 400
    text = error.detail if isinstance(error, HTTPException) else str(error)
    return JSONResponse({"error": {"code": code, "message": text}}, code)


def _platform(request: Request) -> Platform:
    name = request.path_params["platform"]
    platforms: Mapping[str, Platform] = request.app.state.platforms
    if name not in platforms:
        running = ", ".join(platforms) or "none"
        raise HTTPException(404, f"The platform {name} does not run; the document lists these: {running}.")
    return platforms[name]


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


def show_clock(request: Request) -> Response:
    """Return the platforms' time, in seconds since 1970."""
    return JSONResponse({"now": _clock(request).now()})


async def advance_clock(request: Request) -> Response:
    """Move the platforms' clock forward."""
    wanted = msgspec.json.decode(await request.body(), type=_Advance)
    return JSONResponse({"now": _clock(request).advance(wanted.advance_seconds)})


def list_faults(request: Request) -> Response:
    """Return the planned faults that requests can still meet."""
    return JSONResponse({"faults": [_shown(one) for one in _platform(request).plan.left()]})


async def replace_faults(request: Request) -> Response:
    """Replace the planned faults that requests can still meet."""
    wanted = msgspec.json.decode(await request.body(), type=_Faults)
    _platform(request).plan.replace(wanted.faults)
    return list_faults(request)


def _shown(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in fault.__struct_fields__}


def list_requests(request: Request) -> Response:
    """Return all requests that the platform has received, in order."""
    return JSONResponse({"requests": _platform(request).state.received()})


def list_members(request: Request) -> Response:
    """Return the members of a list. Each member has counts: how often it was added, updated and removed."""
    platform = _platform(request)
    platform.settle()
    return JSONResponse({"members": platform.state.members(request.path_params["list"])})


def list_messages(request: Request) -> Response:
    """Return the messages that the platform has accepted, in order."""
    platform = _platform(request)
    platform.settle()
    return JSONResponse({"messages": [one for _, one in platform.state.matching("message:*")]})
