"""Marketing Cloud's API for tokens, rows of data extensions, and transactional e-mail.

https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/rest-api-overview.html
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud.platforms import front
from deskcloud.platforms.quota import Quota
from deskcloud.platforms.salesforce import rules, soap
from deskcloud.platforms.salesforce.errors import (
    BlockedError,
    ForbiddenError,
    InvalidFormatError,
    InvalidValueError,
    MarketingCloudError,
    NotAuthorizedError,
    NotFoundError,
    RateLimitError,
    TokenRefusedError,
)
from deskcloud.platforms.salesforce.messages import Messages
from deskcloud.platforms.salesforce.rows import INSERT, UPSERT, Rows
from deskcloud.platforms.salesforce.tokens import Tokens
from deskcloud.web.answers import JSONResponse

TOKEN_PATH = "/v2/token"  # noqa: S105 - a path, not a password


@dataclass(frozen=True)
class Parts:
    """The parts that the routes use: access tokens, rows of data extensions, e-mail messages, and the request quota."""

    tokens: Tokens
    rows: Rows
    messages: Messages
    quota: Quota


def create_app(parts: Parts) -> Starlette:
    """Return an ASGI app that serves Marketing Cloud's REST API, its SOAP method Delete, and access tokens."""
    rows, messages = "/data/v1/async/dataextensions/key:{key}/rows", "/messaging/v1/email/messages"
    app = Starlette(
        routes=[
            Route(TOKEN_PATH, issue_token, methods=["POST"]),
            Route(rows, insert_rows, methods=["POST"]),
            Route(rows, upsert_rows, methods=["PUT"]),
            Route(soap.PATH, delete_rows, methods=["POST"]),
            Route("/data/v1/async/{request}/status", show_status),
            Route("/data/v1/async/{request}/results", list_results),
            *(Route(path, send_messages, methods=["POST"]) for path in (messages, f"{messages}/")),
            Route(f"{messages}/{{key:path}}", send_message, methods=["POST"]),
            Route(f"{messages}/{{key:path}}", show_message),
            Route("/{path:path}", unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        exception_handlers={MarketingCloudError: _error, TokenRefusedError: _refused},
    )
    app.state.parts = parts
    return app


def _refusal(make: Callable[[], MarketingCloudError]) -> Callable[[], Response]:
    def respond() -> Response:
        error = make()
        return JSONResponse(error.body(), error.status, headers=error.headers)

    return respond


REFUSALS: front.Refusals = {
    "too_many_requests": _refusal(lambda: RateLimitError(5)),
    "blocked": _refusal(lambda: BlockedError("Your requests are temporarily blocked.")),
    "server_error": _refusal(lambda: MarketingCloudError("Internal Server Error")),
    "expired_token": _refusal(lambda: NotAuthorizedError("Not Authorized")),
    "permission_denied": _refusal(lambda: ForbiddenError("Insufficient Privileges")),
}


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, MarketingCloudError)  # noqa: S101 - Starlette types the argument as Exception
    return JSONResponse(error.body(), error.status, headers=error.headers)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, TokenRefusedError)  # noqa: S101 - as above
    return JSONResponse(error.body(), error.status)


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _admit(request: Request, authorization: str | None = None) -> Parts:
    """Check a request's token, count the request for the quota, and return the app's `Parts`.

    If `authorization` is given, it is used instead of the request's Authorization header.

    Raises:
        NotAuthorizedError: the token is not valid.
        RateLimitError: the quota is exhausted.
    """
    parts = _parts(request)
    parts.tokens.require(request.headers.get("authorization", "") if authorization is None else authorization)
    if seconds := parts.quota.take():
        raise RateLimitError(seconds)
    return parts


async def _json(request: Request, max_bytes: int | None = None) -> Any:
    content = await request.body()
    if max_bytes and len(content) > max_bytes:
        raise InvalidValueError(f"The body has {len(content)} bytes; the maximum is {max_bytes}.")
    try:
        return json.loads(content or b"{}")
    except ValueError as error:
        raise InvalidFormatError(f"The body is not JSON: {error}.") from error


async def issue_token(request: Request) -> Response:
    """Issue an access token for client credentials."""
    asked = await _json(request)
    return JSONResponse(_parts(request).tokens.issue(asked, str(request.base_url)))


async def insert_rows(request: Request) -> Response:
    """Insert rows asynchronously."""
    return await _taken(request, INSERT)


async def upsert_rows(request: Request) -> Response:
    """Upsert rows asynchronously."""
    return await _taken(request, UPSERT)


async def _taken(request: Request, action: str) -> Response:
    rows, body = _admit(request).rows, await _json(request, rules.MAX_BYTES)
    key, fails, never_ends = request.path_params["key"], front.failing(request), front.never_ends(request)
    taken = await run_in_threadpool(lambda: rows.take(key, action, body, fails, never_ends=never_ends))
    return JSONResponse(taken, 202)


async def delete_rows(request: Request) -> Response:
    """Delete rows by SOAP. The access token is in the envelope and not in a header.

    Raises:
        InvalidFormatError: the body is no envelope with a DeleteRequest of rows.
        RateLimitError: the quota is exhausted.
    """
    token, wanted = soap.read(await request.body())
    try:
        parts = _admit(request, f"Bearer {token}")
    except NotAuthorizedError:
        return Response(soap.fault("Security", "Token Expired"), 500, media_type="text/xml")
    problems = await run_in_threadpool(lambda: [parts.rows.delete(key, row) for key, row in wanted])
    return Response(soap.answer(problems), media_type="text/xml")


def show_status(request: Request) -> Response:
    """Return the status of an asynchronous request."""
    return JSONResponse(_admit(request).rows.status(request.path_params["request"]))


def list_results(request: Request) -> Response:
    """Return a page of the results of an asynchronous request.

    Raises:
        InvalidValueError: the page or its size is not a positive integer.
    """
    given = [request.query_params.get(name, default) for name, default in (("$page", "1"), ("$pageSize", "50"))]
    if not all(one.isdecimal() and int(one) > 0 for one in given):
        raise InvalidValueError("$page and $pageSize must be positive integers.")
    page, size = map(int, given)
    return JSONResponse(_admit(request).rows.results(request.path_params["request"], page, size))


async def send_message(request: Request) -> Response:
    """Send a message to one recipient."""
    messages, body, never_ends = _admit(request).messages, await _json(request), front.never_ends(request)
    status, answer = messages.send_one(request.path_params["key"], body, never_ends=never_ends)
    return JSONResponse(answer, status)


async def send_messages(request: Request) -> Response:
    """Send messages to several recipients."""
    messages, body, never_ends = _admit(request).messages, await _json(request), front.never_ends(request)
    status, answer = messages.send_many(body, front.failing(request), never_ends=never_ends)
    return JSONResponse(answer, status)


def show_message(request: Request) -> Response:
    """Return the status of a message."""
    return JSONResponse(_admit(request).messages.status(request.path_params["key"]))


def unknown(request: Request) -> Response:
    """Refuse a request for a path or method that this service does not have.

    Raises:
        NotAuthorizedError: the token is not valid.
        RateLimitError: the quota is exhausted.
        NotFoundError: in all other cases.
    """
    _admit(request)
    raise NotFoundError(f"{request.method} {request.url.path} is not supported by the local Marketing Cloud.")
