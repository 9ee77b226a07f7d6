"""HTTP for score_checkout: read and check requests, and answer each refusal with a problem document (RFC 9457)."""

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
# CORS headers: the methods and headers that a page may use, and how many seconds a browser may cache these rules.
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
# Matches the path of the field, which msgspec puts at the end of its messages.
WHERE = re.compile(r" - at `\$(.*)`$")
# Messages of msgspec. NAMED matches messages that name a field before the path. UNKNOWN matches messages about a field
# that is not in the contract. VALUE matches messages that contain a value of the request.
NAMED = re.compile(r"^Object (?:contains unknown|missing required) field `(.*)`$", re.DOTALL)
UNKNOWN = re.compile(r"^Object contains unknown field `.*?`(?=$| - at `)", re.DOTALL)
VALUE = re.compile(r"^(Invalid enum value|Invalid value) .*$", re.DOTALL)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An answer that refuses the request. The answer must not contain data of the visitor."""

    def __init__(self, status: HTTPStatus, detail: str, broken: str | None = None, **headers: str) -> None:
        """Create the refusal. `broken` is msgspec's message about the body, if the body breaks the contract."""
        super().__init__(detail)
        self.status = status
        self.broken = broken
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Exchange:
    """One request with its id, which appears in the answer and in the log."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.id = request_id(request.environ)
        self._started = time.perf_counter()

    @property
    def milliseconds(self) -> float:
        """The time since the request began, in milliseconds."""
        return (time.perf_counter() - self._started) * 1e3

    def read[T](self, decode: Callable[[bytes], T]) -> T:
        """Return the request's body, decoded by `decode`. An error of msgspec becomes a Refusal.

        Raises:
            Refusal: the body is incomplete, is too large, is not JSON, or breaks the contract. In the last case, the
                message names the field.
        """
        if (self.request.content_type or "").partition(";")[0].strip().lower() != JSON:
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the body as {JSON}.", Accept=JSON)
        # Read the whole body even if it is too large. Otherwise the framework would read the rest of it after the
        # answer.
        try:
            content = body.read(self.request)
        except body.UnreadableError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "The body is incomplete: send all of it.") from None
        if len(content) > MAX_BYTES:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Send at most {MAX_BYTES:,} bytes.")
        try:
            return decode(content)
        except msgspec.ValidationError as error:
            found = complaint(str(error))
            detail = f"{found.pointer}: {found.detail}. {REMEDY}"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"The body is not JSON in UTF-8. {REMEDY}") from None

    def answer(self, content: bytes, status: int = HTTPStatus.OK, kind: str = JSON, **headers: str) -> Response:
        """Return an answer of the content type `kind`, with the request's id in its headers."""
        return Response(content, status, {"X-Request-Id": self.id, **headers}, content_type=kind)


type Endpoint = Callable[[Exchange], Response]
type Origins = Callable[[], Collection[str]]


def serve(request: Request, endpoints: Mapping[str, tuple[str, Endpoint]], origins: Origins) -> Response:
    """Answer the request with the endpoint of its path. `endpoints` holds (method, function) by path.

    `origins` returns the origins whose pages may send requests and read answers. `origins` is called only if the
    request has the header Origin, i.e. comes from a page.
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
    except Exception as error:  # noqa: BLE001 - the error is logged, and the shop gets a problem document
        log_exception(RequestFailed(exchange.id, type(error).__name__))
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        problem = Problem(status.phrase, status, "The reason is in the log, under the request id.", exchange.id)
        headers = {}
    return exchange.answer(jsontext.encode(problem), problem.status, "application/problem+json", **headers)


def _log(refusal: Refusal, request_id: str) -> None:
    """Log which field broke which rule, without any value of the request.

    Refusals with a status from 500 on are not logged here: the code that raised them has logged the reason.
    """
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    found = loggable(refusal.broken) if refusal.broken else Complaint("", str(refusal))
    log(RequestRefused(request_id, found.pointer, found.detail, refusal.status))


def _endpoint(request: Request, endpoints: Mapping[str, tuple[str, Endpoint]]) -> Endpoint:
    if request.path not in endpoints:
        raise Refusal(HTTPStatus.NOT_FOUND, f"Use one of these paths: {', '.join(endpoints)}.")
    method, endpoint = endpoints[request.path]
    if request.method != method:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"Use {method}.", Allow=method)
    return endpoint


def complaint(message: str) -> Complaint:
    """Return the complaint for a message of msgspec. The complaint names the field, without the field's value."""
    found = WHERE.search(message)
    pointer = "#" + re.sub(r"\.|\[(\d+)\]", lambda part: f"/{part[1] or ''}", found[1] if found else "")
    text = message[: found.start()] if found else message
    if named := NAMED.match(text):
        pointer += "/" + _escaped(named[1])
    return Complaint(pointer, VALUE.sub(r"\1", text))


def loggable(message: str) -> Complaint:
    """Return the complaint for a message of msgspec, for the log.

    Field names that are not in the contract are left out, because they may contain personal data.
    """
    found = complaint(UNKNOWN.sub("Object contains an unknown field", message))
    steps = found.pointer.split("/")[1:]
    if all(step in NAMES or step.isdecimal() for step in steps):
        return found
    return Complaint("#", found.detail)


def _escaped(name: str) -> str:
    """Return the first 64 characters of a name, escaped as a token of a JSON pointer."""
    return name[:64].replace("~", "~0").replace("/", "~1")


def request_id(environ: Mapping[str, Any]) -> str:
    """Return the request's id: the caller's X-Request-Id, or else the trace's id, or else a new id."""
    if REQUEST_ID.fullmatch(given := environ.get("HTTP_X_REQUEST_ID", "")):
        return str(given)
    if found := TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", "")):
        return found[1]
    if found := CLOUD_TRACE.fullmatch(environ.get("HTTP_X_CLOUD_TRACE_CONTEXT", "")):
        return found[1]
    # Not security-relevant, so `random` is enough; os.urandom would release the GIL and wait for it under load.
    return f"{random.getrandbits(128):032x}"
