"""Read the parameters of a request of the Graph API. The parameters may be in the query, in a form, or in JSON."""

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from deskcloud.platforms.meta.errors import InvalidParameterError

_OBJECTS = ("payload", "session")


async def parameters(request: Request) -> dict[str, Any]:
    """Return the parameters in a request's query and body. If `payload` or `session` is JSON text, it is decoded.

    Raises:
        InvalidParameterError: the body is a multipart form, the body is no form and no JSON object, `payload` or
            `session` is a text that is not JSON, or there is a parameter `method`.
    """
    given: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await request.body()
    if kind == "application/x-www-form-urlencoded":
        given |= dict(parse_qsl(content.decode(errors="replace"), keep_blank_values=True))
    elif kind == "multipart/form-data":
        raise InvalidParameterError("The local service takes no multipart forms: send JSON or an urlencoded form.")
    elif content:
        body = _decoded(content, "body")
        if not isinstance(body, dict):
            raise InvalidParameterError("The body must be a JSON object.")
        given |= body
    if "method" in given:
        raise InvalidParameterError("A parameter cannot override the HTTP method.")
    return given | {name: _decoded(given[name], name) for name in _OBJECTS if isinstance(given.get(name), str)}


def _decoded(content: bytes | str, name: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise InvalidParameterError(f"Param {name} is not JSON: {error}.") from error


def token(request: Request, given: dict[str, Any]) -> str:
    """Return the access token in the parameter `access_token` or in a header. If there is none, return ""."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return str(given.get("access_token") or (value if scheme.lower() == "bearer" else ""))
