"""Access rules of local ports. Programs that know the secret may call a port, but web pages in a browser may not.

A web page can call 127.0.0.1 in three ways, which the rules recognise:

- DNS rebinding: the page's own host name resolves to 127.0.0.1. The Host header contains that name.
- A simple cross-origin request. It has an Origin or Sec-Fetch-Site header, and its body has a type in `_SIMPLE`.
- A cross-origin request with a preflight. The answer to the preflight allows nothing.

docs/decisions/20261126-local-ports.md lists the remaining risks.
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskcloud import jsontext

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

USER = "local"
"""The user name in a URL whose password is the secret."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Browsers send these content types without a preflight: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_SIMPLE = frozenset({"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"})
# The status 401 is not used. After a 401, Google's clients request new credentials, and report an error of this second
# request instead of the refusal.
_STATUS = {403: "PERMISSION_DENIED", 415: "INVALID_ARGUMENT"}
_PHRASES = {403: "Forbidden", 415: "Unsupported Media Type"}
_REASONS = {403: "forbidden", 415: "invalid"}


@dataclass(frozen=True)
class Rules:
    """The access rules of a port.

    `secret` is empty if clients cannot send a secret. `header` is the header with the secret. Some of Google's clients
    send a token that they have signed themselves. `is_signed` returns whether such a token is valid. A request with a
    valid token needs no secret.

    The other fields name a path by its first segment, such as `/token`. Paths in `open` need no secret and may receive
    bodies of any type. `pages` maps a path to the origins whose web pages may call the path. Bodies for the path
    `uploads` may have any content type.
    """

    secret: str = ""
    header: str = "authorization"
    open: frozenset[str] = frozenset()
    pages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uploads: str = ""
    is_signed: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True)
class Refusal:
    """The answer to a refused request."""

    status: int
    message: str

    @property
    def body(self) -> bytes:
        """The body of the answer as JSON, in the error format of Google's services."""
        error = {"code": self.status, "message": self.message, "status": _STATUS[self.status]}
        reason = {"reason": _REASONS[self.status], "message": self.message, "domain": "global"}
        return jsontext.encode({"error": {**error, "errors": [reason]}})

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The answer's headers. They close the connection, because the rest of the request may still arrive."""
        length = ("content-length", str(len(self.body)))
        return [("content-type", "application/json"), ("connection", "close"), length]


def with_secret(url: str, secret: str) -> str:
    """Return the URL with `secret` as password. Google's Python clients, requests, httpx and curl send a password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{USER}:{secret}@{parts.netloc.rpartition('@')[2]}")) if secret else url


def judge(rules: Rules, method: str, path: str, headers: Iterable[tuple[str, str]]) -> Refusal | None:
    """Return the refusal of a request, or None if the rules allow the request. Header names must be in lower case."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name, []).append(value.strip())
    first = "/" + path.lstrip("/").partition("/")[0]
    hosts = given.get("host", [])
    if len(hosts) != 1 or _host_name(hosts[0]) not in _LOOPBACK:
        return Refusal(
            403, f"This port answers to the names of loopback only, and not to {', '.join(hosts) or 'none'}."
        )
    origins = given.get("origin", []) or ["a site that does not say which"] * _is_sent_by_a_page(given)
    strangers = [one for one in origins if one not in rules.pages.get(first, ())]
    if strangers:
        return Refusal(403, f"No page of {strangers[0]} may ask this port.")
    if first in rules.open:
        return None
    if method == "POST" and first != rules.uploads and _has_body(given) and _kind(given) in _SIMPLE:
        kind = _kind(given) or "no type"
        return Refusal(415, f"A body of {kind} is refused, since any page may send one: send application/json.")
    if rules.secret and not any(_is_known(rules, _token(one)) for one in given.get(rules.header, [])):
        return Refusal(403, "This port asks for the secret that env.sh carries: load it with `. ./env.sh`.")
    return None


def _host_name(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    return name if port.isdecimal() and name else host.lower()


def _is_sent_by_a_page(given: Mapping[str, list[str]]) -> bool:
    """Return whether the header Sec-Fetch-Site shows that a web page, and not the user, has caused the request."""
    return any(site.lower() != "none" for site in given.get("sec-fetch-site", []))


def _has_body(given: Mapping[str, list[str]]) -> bool:
    return "transfer-encoding" in given or given.get("content-length", ["0"]) != ["0"]


def _kind(given: Mapping[str, list[str]]) -> str:
    return given.get("content-type", [""])[0].partition(";")[0].strip().lower()


def _is_known(rules: Rules, token: str) -> bool:
    return secrets.compare_digest(rules.secret.encode(), token.encode()) or rules.is_signed(token)


def _token(authorization: str) -> str:
    scheme, _, value = authorization.rpartition(" ")
    if scheme.lower() in {"", "bearer"}:
        return value
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def as_asked(url: str, authorization: str) -> str:
    """Return `url`, an address of this port. Add the secret if the client has sent the secret as a password.

    `authorization` is the client's Authorization header.
    """
    return with_secret(url, _token(authorization)) if authorization.lower().startswith("basic ") else url


def asgi(app: ASGIApp, rules: Rules) -> ASGIApp:
    """Return the ASGI app with the rules applied to each request."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        refusal = judge(rules, scope.get("method", ""), scope["path"], headers)
        if refusal is None:
            await app(scope, receive, _telling(dict(headers).get("authorization", ""), send))
            return
        raw = [(name.encode(), value.encode()) for name, value in refusal.headers]
        await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
        await send({"type": "http.response.body", "body": refusal.body})

    return guarded


def _telling(authorization: str, send: Send) -> Send:
    """Return a `send` that adds the secret to the Location header, if the client has sent the secret as a password.

    A client continues an upload at the URL in this header, so the URL needs the secret.
    """

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, as_asked(value.decode(), authorization).encode() if name.lower() == b"location" else value)
                for name, value in message["headers"]
            ]
        await send(message)

    return sent if authorization else send


def wsgi(app: "WSGIApplication", rules: Rules) -> "WSGIApplication":
    """Return the WSGI app with the rules applied to each request."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        refusal = judge(rules, environ["REQUEST_METHOD"], environ["PATH_INFO"], _headers(environ))
        if refusal is None:
            return app(environ, start_response)
        start_response(f"{refusal.status} {_PHRASES[refusal.status]}", refusal.headers)
        return [refusal.body]

    return guarded


def _headers(environ: "WSGIEnvironment") -> list[tuple[str, str]]:
    """Return the request's headers, with names as in HTTP, in lower case. WSGI joins repeated headers with commas."""
    given = [(key.removeprefix("HTTP_"), value) for key, value in environ.items() if key.startswith("HTTP_")]
    given += [(key, environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)]
    return [(key.replace("_", "-").lower(), value) for key, value in given]
