"""Restrict the page to the person who has its address. Other pages in the same browser cannot use it.

The address contains a key. The answer to a request with the key sets a cookie with the key, and redirects to the
address without the key. Scripts cannot read this cookie, and the browser does not add it to requests of other sites.
Such requests can be recognized by their Host, Origin or Sec-Fetch-Site header, and are refused even with the cookie.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "propensity"
JSON = "application/json"
# The page runs only the scripts and styles of its own origin, and no other page may embed it.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def new_key() -> str:
    """Return a new random key for the page's address."""
    return secrets.token_urlsafe(24)


class Guard:
    """An ASGI app that lets only requests with the key reach `app`."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or redirect the request, or pass it on to `app`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        """Return the refusal or the redirection of a request, or None to pass it on."""
        headers = Headers(scope=scope)
        if why := _objection(headers, scope["server"][1], scope["method"]):
            return PlainTextResponse(why, HTTPStatus.FORBIDDEN)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        if given and self._is_key(given):
            answer = RedirectResponse(scope["path"], HTTPStatus.SEE_OTHER)
            answer.set_cookie(COOKIE, self._key, httponly=True, samesite="strict")
            return answer
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        if cookie and self._is_key(cookie.value):
            return None
        return PlainTextResponse("Open the address that `propensity up` printed: it holds a key.", HTTPStatus.FORBIDDEN)

    def _is_key(self, text: str) -> bool:
        return secrets.compare_digest(self._key.encode(), text.encode())


def _objection(headers: Headers, port: int, method: str) -> str | None:
    """Return why the request is refused, or None.

    A request is refused if another site may have sent it, or if a POST is not JSON.
    """
    own = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if headers.getlist("host") not in [[one] for one in own]:
        return "This port answers to the names of loopback only."
    if any(origin not in {f"http://{one}" for one in own} for origin in headers.getlist("origin")):
        return "No other page may use this port."
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return "No other page may use this port."
    if method == "POST" and headers.get("content-type", "").partition(";")[0] != JSON:
        return f"Send {JSON}."
    return None
