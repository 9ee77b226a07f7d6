"""Record each request to a platform, and make the request fail if a fault is planned for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskcloud.platforms.faults import Plan
from deskcloud.platforms.state import State
from deskcloud.web.resets import ConnectionReset

_SCOPE = "platform_fault"

PARTIAL_FAILURE, NEVER_ENDS = "partial_failure", "never_ends"
ASYNCHRONOUS = frozenset({PARTIAL_FAILURE, NEVER_ENDS})
"""The kinds of faults of platforms that answer a request first and process its records later."""

type Refusals = Mapping[str, Callable[[], Response]]
"""Maps a kind of fault to a function that returns the platform's answer. Some kinds need no special answer."""


@dataclass(frozen=True)
class Front:
    """An ASGI app around a platform's app. Requests that the port's guard refuses do not reach this app.

    A fault whose field `request` is empty has no effect on GET requests and on requests for the path `login`.
    """

    app: ASGIApp
    state: State
    plan: Plan
    refusals: Refusals
    login: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or reset its connection.

        Raises:
            ConnectionReset: the request meets a fault that resets the connection.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = f"{scope['method']} {scope['path']}"
        fault = self.plan.take(request, is_named=scope["method"] == "GET" or scope["path"] == self.login)
        kind = fault.kind if fault else ""
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if kind != "reset_after":
                await send(message)

        try:
            if kind == "reset_before":
                raise ConnectionReset
            if kind in self.refusals:
                # Read the whole body before answering. Some clients read an answer only when they have sent the body.
                await Request(scope, receive).body()
                await self.refusals[kind]()(scope, receive, sent)
            else:
                await self.app({**scope, _SCOPE: fault}, receive, sent)
            if kind == "reset_after":
                raise ConnectionReset
        finally:
            self.state.record(request, status, kind)


def failing(request: Request) -> Callable[[int], bool]:
    """Return a function that takes a record's index, and returns whether a fault `partial_failure` hits the record."""
    fault = request.scope.get(_SCOPE)
    every = fault.every if fault and fault.kind == PARTIAL_FAILURE else 0
    return lambda index: bool(every) and (index + 1) % every == 0


def never_ends(request: Request) -> bool:
    """Return whether the request has met the fault `never_ends`. If so, the request must never be processed."""
    fault = request.scope.get(_SCOPE)
    return fault is not None and fault.kind == NEVER_ENDS
