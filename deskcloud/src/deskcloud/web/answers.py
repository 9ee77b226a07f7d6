"""JSON responses of the local services, written by `jsontext`."""

from typing import Any

from starlette.responses import Response

from deskcloud import jsontext


class JSONResponse(Response):
    """Like Starlette's response, which fails on NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return jsontext.encode(content)
