"""The public face of the local BigQuery: its REST API, with BigQuery ML.

Everything is the emulator's answer, byte for byte, except what the emulator cannot do.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.bigquery.passthrough import Passthrough


def create_app(
    emulator_url: str,
    state: Path,
    *,
    storage_url: str | None = None,
    logging_url: str | None = None,
    vertex_url: str | None = None,
) -> Starlette:
    """The gateway as an ASGI app; models and their jobs are kept below `state`."""
    passthrough = Passthrough(emulator_url)

    async def forward(request: Request) -> Response:
        return await passthrough.forward(request)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await passthrough.aclose()

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", forward, methods=methods)], lifespan=lifespan)
