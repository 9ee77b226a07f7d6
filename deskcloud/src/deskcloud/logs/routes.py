"""Cloud Logging's REST API, with the methods entries:write and entries:list."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from google.api_core import exceptions
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud.filters import FilterError
from deskcloud.logs.filter import parse
from deskcloud.logs.router import Kept, Router
from deskcloud.web.answers import JSONResponse

_PAYLOADS = ("textPayload", "jsonPayload", "protoPayload")
_LARGEST_PAGE = 1000

type Endpoint = Callable[[Request], Awaitable[Response]]


class LoggingError(Exception):
    """An error answer in Google's format, with an HTTP `status`, a canonical `code` and a message."""

    def __init__(self, message: str, status: int = 400, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


def create_app(router: Router) -> Starlette:
    """Return an ASGI app for POST /v2/entries:write and POST /v2/entries:list."""

    async def write(request: Request) -> Response:
        body = await _body(request)
        entries = _entries(body)
        if not body.get("dryRun", False):
            await run_in_threadpool(router.write, entries)
        return JSONResponse({})

    async def list_entries(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_page, router, await _body(request)))

    async def unsupported(request: Request) -> Response:
        message = f"{request.method} {request.url.path} is not supported by the local Cloud Logging."
        return _error(LoggingError(message, 501, "UNIMPLEMENTED"))

    return Starlette(
        routes=[
            Route("/v2/entries:write", _guarded(write), methods=["POST"]),
            Route("/v2/entries:list", _guarded(list_entries), methods=["POST"]),
            Route("/{path:path}", unsupported, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except LoggingError as error:
            return _error(error)
        except exceptions.GoogleAPICallError as error:
            return _error(LoggingError(f"Pub/Sub did not accept a sink's entries: {error}", 503, "UNAVAILABLE"))

    return answer


def _error(error: LoggingError) -> Response:
    body = {"error": {"code": error.status, "message": error.message, "status": error.code}}
    return JSONResponse(body, status_code=error.status)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise LoggingError(f"Invalid JSON payload received. {error}") from error
    if not isinstance(body, dict):
        raise LoggingError(f"Invalid JSON payload received. It is a {type(body).__name__}; send an object.")
    return body


def _entries(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a write request, with the request's logName, resource and labels as defaults."""
    entries = body.get("entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise LoggingError("The request must have entries, a list of LogEntry objects.")
    common = {name: body[name] for name in ("logName", "resource") if name in body}
    whole = []
    for position, entry in enumerate(entries):
        merged = {**common, **entry}
        if body.get("labels") or entry.get("labels"):
            merged["labels"] = {**body.get("labels", {}), **entry.get("labels", {})}
        if not str(merged.get("logName", "")).startswith("projects/"):
            raise LoggingError(
                f"entries[{position}] has no usable logName; write it as projects/PROJECT/logs/LOG_ID in the entry "
                "or the request."
            )
        if sum(payload in merged for payload in _PAYLOADS) != 1:
            raise LoggingError(f"entries[{position}] must have exactly one of {', '.join(_PAYLOADS)}.")
        whole.append(merged)
    return whole


def _page(router: Router, body: dict[str, Any]) -> dict[str, Any]:
    projects = tuple(f"{name}/" for name in body.get("resourceNames", []))
    if not projects:
        raise LoggingError("The request must have resourceNames, for instance ['projects/PROJECT'].")
    newest_first = _newest_first(str(body.get("orderBy", "")))
    size = body.get("pageSize", 0) or 50
    if not isinstance(size, int) or not 0 < size <= _LARGEST_PAGE:
        raise LoggingError(f"Invalid pageSize {size!r}: it must be between 1 and {_LARGEST_PAGE}.")
    try:
        matches = parse(str(body.get("filter", "")))
    except FilterError as error:
        raise LoggingError(f"Unparseable filter: {error}.") from error
    found = router.kept(lambda entry: entry["logName"].startswith(projects) and matches(entry))
    if newest_first:
        found.reverse()
    if token := str(body.get("pageToken", "")):
        last = _key(token)
        found = [kept for kept in found if (kept.key < last if newest_first else kept.key > last)]
    page: dict[str, Any] = {"entries": [kept.entry for kept in found[:size]]}
    if len(found) > size:
        page["nextPageToken"] = _token(found[size - 1])
    return page


def _newest_first(order: str) -> bool:
    match order.split():
        case [] | ["timestamp"] | ["timestamp", "asc"]:
            return False
        case ["timestamp", "desc"]:
            return True
        case _:
            raise LoggingError(f"Invalid orderBy {order!r}: it must be 'timestamp asc' or 'timestamp desc'.")


def _token(kept: Kept) -> str:
    written, arrival = kept.key
    return f"{written.isoformat()}|{arrival}"


def _key(token: str) -> tuple[datetime, int]:
    written, _, arrival = token.partition("|")
    try:
        return datetime.fromisoformat(written), int(arrival)
    except ValueError as error:
        raise LoggingError(f"Invalid pageToken {token!r}: pass the nextPageToken of the page before.") from error
