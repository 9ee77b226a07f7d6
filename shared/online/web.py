"""HTTP around a function: what comes in is read and checked, and every refusal is a problem document (RFC 9457)."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Response

from shared import body, jsontext
from shared.log import log, log_exception
from shared.online.contract import MAX_BYTES, NAMES, Complaint, Problem
from shared.online.log_events import RequestFailed, RequestRefused

if TYPE_CHECKING:
    from flask import Request

JSON = "application/json"
# What a page may send and read, and for how many seconds its browser need not ask again.
CORS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type, X-Request-Id",
    "Access-Control-Expose-Headers": "X-Request-Id, Retry-After",
    "Access-Control-Max-Age": "3600",
}
REMEDY = "Send what GET /openapi.json describes."
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(/[0-9]+)?(;o=[0-9]+)?")
# How msgspec ends a message: the path of the field.
WHERE = re.compile(r" - at `\$(.*)`$")
# The fields that msgspec names in the message, since they are not at the path, and the values that it must not name.
NAMED = re.compile(r"^Object (?:contains unknown|missing required) field `(.*)`$", re.DOTALL)
UNKNOWN = re.compile(r"^Object contains unknown field `.*?`(?=$| - at `)", re.DOTALL)
VALUE = re.compile(r"^(Invalid enum value|Invalid value) .*$", re.DOTALL)


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """The request gets this answer instead; nothing of the visitor's may be said in it."""

    def __init__(self, status: HTTPStatus, detail: str, broken: str | None = None, **headers: str) -> None:
        """`broken` is what msgspec says of the body."""
        super().__init__(detail)
        self.status = status
        self.broken = broken
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Exchange:
    """One request, by the id under which the shop and the log know it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.id = request_id(request.environ)
        self._started = time.perf_counter()

    @property
    def milliseconds(self) -> float:
        """How long it has taken so far."""
        return (time.perf_counter() - self._started) * 1e3

    def read[T](self, decode: Callable[[bytes], T]) -> T:
        """Return the request's body, decoded by what raises msgspec's errors.

        Raises:
            Refusal: it is not JSON, too large, or breaks the contract; names the field.
        """
        if (self.request.content_type or "").partition(";")[0].strip().lower() != JSON:
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the body as {JSON}.", Accept=JSON)
        # What is longer is read as well: the framework would do it after the answer, to keep the connection.
        try:
            content = body.read(self.request)
        except body.UnreadableError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "The body cannot be read to its end: send all of it.") from None
        if len(content) > MAX_BYTES:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have {MAX_BYTES:,} bytes: send less.")
        try:
            return decode(content)
        except msgspec.ValidationError as error:
            found = complaint(str(error))
            detail = f"{found.pointer}: {found.detail}. {REMEDY}"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"The body is not JSON in UTF-8. {REMEDY}") from None

    def answer(self, content: bytes, status: int = HTTPStatus.OK, kind: str = JSON, **headers: str) -> Response:
        """Return an answer that names the request."""
        return Response(content, status, {"X-Request-Id": self.id, **headers}, content_type=kind)


type Endpoint = Callable[[Exchange], Response]
type Origins = Callable[[], Collection[str]]


def serve(request: Request, endpoints: Mapping[str, tuple[str, Endpoint]], origins: Origins) -> Response:
    """Give the request to its path's endpoint; `endpoints` has a method and a function by path.

    A page of one of the `origins` may ask and read the answer; they are looked up when a page asks.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins():
        return _served(request, endpoints)
    asks_first = request.method == "OPTIONS" and request.path in endpoints
    answer = Response(status=HTTPStatus.NO_CONTENT) if asks_first else _served(request, endpoints)
    answer.headers.update({"Access-Control-Allow-Origin": origin, "Vary": "Origin", **CORS})
    return answer


def _served(request: Request, endpoints: Mapping[str, tuple[str, Endpoint]]) -> Response:
    exchange = Exchange(request)
    try:
        return _endpoint(request, endpoints)(exchange)
    except Refusal as refusal:
        _log(refusal, exchange.id)
        errors = [complaint(refusal.broken)] if refusal.broken else []
        problem = Problem(refusal.status.phrase, refusal.status, str(refusal), exchange.id, errors)
        headers = refusal.headers
    except Exception as error:  # noqa: BLE001 - logged; the shop gets a problem document for whatever it was
        log_exception(RequestFailed(exchange.id, type(error).__name__))
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        problem = Problem(status.phrase, status, "The log has the reason under the request id.", exchange.id)
        headers = {}
    return exchange.answer(jsontext.encode(problem), problem.status, "application/problem+json", **headers)


def _log(refusal: Refusal, request_id: str) -> None:
    """Say what the caller has done wrong: which field and which rule, and nothing of what was sent."""
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    found = loggable(refusal.broken) if refusal.broken else Complaint("", str(refusal))
    log(RequestRefused(request_id, found.pointer, found.detail, refusal.status))


def _endpoint(request: Request, endpoints: Mapping[str, tuple[str, Endpoint]]) -> Endpoint:
    if request.path not in endpoints:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is {' and '.join(endpoints)}.")
    method, endpoint = endpoints[request.path]
    if request.method != method:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"Use {method}.", Allow=method)
    return endpoint


def complaint(message: str) -> Complaint:
    """Return what msgspec says of a document, with the field's JSON pointer and without the field's value."""
    found = WHERE.search(message)
    pointer = "#" + re.sub(r"\.|\[(\d+)\]", lambda part: f"/{part[1] or ''}", found[1] if found else "")
    text = message[: found.start()] if found else message
    if named := NAMED.match(text):
        pointer += "/" + _escaped(named[1])
    return Complaint(pointer, VALUE.sub(r"\1", text))


def loggable(message: str) -> Complaint:
    """Return the same as it may be logged: unknown fields may be named for anything, so the contract's names alone."""
    found = complaint(UNKNOWN.sub("Object contains an unknown field", message))
    steps = found.pointer.split("/")[1:]
    if all(step in NAMES or step.isdecimal() for step in steps):
        return found
    return Complaint("#", found.detail)


def _escaped(name: str) -> str:
    """Return a name as a step of a pointer, and no more of it than tells a reader which it is."""
    return name[:64].replace("~", "~0").replace("/", "~1")


def request_id(environ: Mapping[str, Any]) -> str:
    """Return the id that the caller or a trace gives the request of a WSGI environment, or else a new one."""
    if REQUEST_ID.fullmatch(given := environ.get("HTTP_X_REQUEST_ID", "")):
        return str(given)
    if found := TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", "")):
        return found[1]
    if found := CLOUD_TRACE.fullmatch(environ.get("HTTP_X_CLOUD_TRACE_CONTEXT", "")):
        return found[1]
    # No secret, so not of the operating system: to ask it lets go of the interpreter, and under load others go first.
    return f"{random.getrandbits(128):032x}"
