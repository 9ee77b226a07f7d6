"""What routes read of a request, and the answer with an object's or a bucket's resource."""

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
    """Return the store.

    Raises:
        UnsupportedError: the request asks for something that is not implemented.
    """
    if request.headers.get("x-goog-encryption-algorithm"):
        raise UnsupportedError("A customer-supplied encryption key")
    options.check_query(request.query_params)
    store: Store = request.app.state.store
    return store


def path(request: Request, name: str) -> str:
    """Return a part of the path, decoded."""
    return unquote(request.path_params[name])


def preconditions(request: Request) -> Preconditions:
    """Return the preconditions in the query."""
    return Preconditions.parse(request.query_params)


async def json_of(request: Request) -> Resource:
    """Return the body.

    Raises:
        InvalidError: it is not a JSON object.
    """
    return wire.decoded_json(await request.body())


def base_url(request: Request) -> str:
    """Return the URL by which the client reached this service, with the secret if the client's URL carries one."""
    return guard.as_asked(str(request.base_url).rstrip("/"), request.headers.get("authorization", ""))


def answer(request: Request, resource: Resource) -> Response:
    """Return the resource with the links that Google adds."""
    return JSONResponse(wire.linked(resource, base_url(request)))
