"""Check requests against Google's discovery document, and decode the times and hashes in requests."""

import base64
import json
import re
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from deskcloud.discovery import Body, Document, Method
from deskcloud.platforms.datamanager.errors import InvalidArgumentError, NotFoundError, Violation

DOCUMENT = Document("datamanager.v1", json.loads(resources.files(__package__).joinpath("discovery.json").read_text()))
"""Google's discovery document, reduced to this service's methods. tests/desk/discovery.py writes the file."""


def method(http_method: str, path: str) -> Method:
    """Return the method that a request calls.

    Raises:
        NotFoundError: the discovery document has no such method.
    """
    found = DOCUMENT.find(http_method, path)
    if found is None:
        raise NotFoundError(f"{http_method} {path} is no method of the local Data Manager.")
    return found


def check_query(called: Method, query: list[tuple[str, str]]) -> None:
    """Check a query string against the discovery document.

    Raises:
        InvalidArgumentError: a parameter is missing, unknown, or has a value of another type.
    """
    # `$alt` is accepted, because clients that were generated from protos send it. No discovery document lists this
    # parameter.
    problems = called.query_problems([one for one in query if one[0] != "$alt"])
    if found := [
        Violation(one.place.partition("?")[2], f"{one.place} {one.rule}", "INVALID_FORMAT") for one in problems
    ]:
        raise InvalidArgumentError(found)


def read(called: Method, content: bytes) -> dict[str, Any]:
    """Parse a request's body, and check it against the discovery document.

    Numbers of enum values are replaced by their names. An empty body is an empty object.

    Raises:
        InvalidArgumentError: the body is not JSON, or contradicts the discovery document.
    """
    schema = called.schema("request") or {}
    try:
        value = _named(json.loads(content or b"{}"), schema)
    except ValueError as error:
        raise InvalidArgumentError([Violation("", f"The body is not JSON: {error}.", "INVALID_FORMAT")]) from error
    body = Body(DOCUMENT, is_answer=False)
    body.check(value, schema, "request")
    if body.problems:
        raise InvalidArgumentError([Violation(one.place, str(one), "INVALID_FORMAT") for one in body.problems])
    read_body: dict[str, Any] = value
    return read_body


def _named(value: Any, schema: dict[str, Any]) -> Any:
    """Replace the numbers of enum values by names. The discovery document lists names in the order of the numbers."""
    schema = DOCUMENT.resolved(schema)
    match value:
        case dict():
            properties = schema.get("properties", {})
            return {name: _named(one, properties.get(name, {})) for name, one in value.items()}
        case list():
            return [_named(one, schema.get("items", {})) for one in value]
        case int() if "enum" in schema and value in range(len(schema["enum"])):
            return schema["enum"][value]
    return value


def seconds(time: str) -> float:
    """Return a time in RFC 3339 as seconds since 1970."""
    return datetime.fromisoformat(time).astimezone(UTC).timestamp()


def as_hex(text: str, encoding: str) -> str:
    """Return the hash in `text` as lower-case hexadecimal digits.

    `text` is in Base64 if `encoding` is BASE64, and hexadecimal otherwise.

    Raises:
        ValueError: `text` is not in this encoding.
    """
    if encoding == "BASE64":
        return base64.b64decode(text, validate=True).hex()
    if not re.fullmatch("(?:[0-9a-fA-F]{2})*", text):
        raise ValueError("no hexadecimal digits")
    return text.lower()
