"""Read those parts of a request that the routes need, and build the answer from a resource (object or bucket)."""

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from deskcloud.storage import options, wire
from deskcloud.storage.errors import UnsupportedError
from deskcloud.storage.preconditions import Preconditions
from deskcloud.storage.state import Store
from deskcloud.storage.wire import Resource
from deskcloud.web import guard
from deskcloud.web.answers import JSONResponse


def store_of(request: Request) -> Store:
    """Check that the request's options are implemented, and return the application's store.

    Raises:
        UnsupportedError: the request has an option that is not implemented.
    """
    if request.headers.get("x-goog-encryption-algorithm"):
        raise UnsupportedError("A customer-supplied encryption key")
    options.check_query(request.query_params)
    store: Store = request.app.state.store
    return store


def path(request: Request, name: str) -> str:
    """Return the path parameter `name`, percent-decoded."""
    return unquote(request.path_params[name])


def preconditions(request: Request) -> Preconditions:
    """Return the preconditions of the URL's query parameters (`ifGenerationMatch`, ...)."""
    return Preconditions.parse(request.query_params)


async def json_of(request: Request) -> Resource:
    """Return the request's body as a JSON object, or `{}` if the body is empty.

    Raises:
        InvalidError: the body is not a JSON object.
    """
    return wire.decoded_json(await request.body())


def base_url(request: Request) -> str:
    """Return this service's base URL, with the secret if the client's URL contains the secret."""
    return guard.as_asked(str(request.base_url).rstrip("/"), request.headers.get("authorization", ""))


def answer(request: Request, resource: Resource) -> Response:
    """Return a response with the resource and its links (`selfLink`, `mediaLink`) as JSON."""
    return JSONResponse(wire.linked(resource, base_url(request)))
