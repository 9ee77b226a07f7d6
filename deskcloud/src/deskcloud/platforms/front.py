"""The front of a platform: it notes each request and lets it meet its planned fault."""

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
"""The kinds of faults of a platform that processes records after it has taken a request."""

type Refusals = Mapping[str, Callable[[], Response]]
"""Maps kinds of faults to the platform's answer; kinds that need no answer of their own are absent."""


@dataclass(frozen=True)
class Front:
    """An ASGI app around a platform's app. Requests that the port's guard refuses do not reach the front.

    GET requests, and requests for the path `login`, meet only faults whose `request` is not empty.
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
                # Read the body, so that the client can read the answer.
                await Request(scope, receive).body()
                await self.refusals[kind]()(scope, receive, sent)
            else:
                await self.app({**scope, _SCOPE: fault}, receive, sent)
            if kind == "reset_after":
                raise ConnectionReset
        finally:
            self.state.record(request, status, kind)


def failing(request: Request) -> Callable[[int], bool]:
    """Return a function that tells whether a record (by its index) fails by the request's fault `partial_failure`."""
    fault = request.scope.get(_SCOPE)
    every = fault.every if fault and fault.kind == PARTIAL_FAILURE else 0
    return lambda index: bool(every) and (index + 1) % every == 0


def never_ends(request: Request) -> bool:
    """Return whether the request has met the fault `never_ends`, so that it will never be processed."""
    fault = request.scope.get(_SCOPE)
    return fault is not None and fault.kind == NEVER_ENDS
