"""Forward each request for /FUNCTION/... to the process of the function FUNCTION."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deskcloud.web.plain import NO_TLS

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host"}


def create_app(urls: Mapping[str, str]) -> Starlette:
    """Return an ASGI app that forwards requests. `urls` maps functions to the URLs of their processes."""

    @contextlib.asynccontextmanager
    async def client(app: Starlette) -> AsyncIterator[None]:
        # There is no timeout here, because the caller decides how long to wait.
        async with httpx.AsyncClient(timeout=None, trust_env=False, verify=NO_TLS) as app.state.http:  # noqa: S113
            yield

    async def forward(request: Request) -> Response:
        name = request.path_params["function"]
        if name not in urls:
            known = ", ".join(sorted(urls))
            return PlainTextResponse(f"there is no function {name!r}; there are {known}\n", 404)
        headers = {key: value for key, value in request.headers.items() if key not in _HOP_BY_HOP}
        target = httpx.URL(f"{urls[name]}{request.url.path}", query=request.url.query.encode())
        try:
            answer = await request.app.state.http.request(
                request.method, target, headers=headers, content=await request.body()
            )
        except httpx.TransportError:
            return PlainTextResponse(f"the process of {name} ended while it answered\n", 503)
        kept = {key: value for key, value in answer.headers.items() if key not in _HOP_BY_HOP}
        return Response(answer.content, answer.status_code, kept)

    return Starlette(
        routes=[
            Route("/{function}", forward, methods=_METHODS),
            Route("/{function}/{rest:path}", forward, methods=_METHODS),
        ],
        lifespan=client,
    )
