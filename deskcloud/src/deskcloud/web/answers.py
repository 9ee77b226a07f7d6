"""A JSON answer of a local service, written as all JSON is."""

from typing import Any

from starlette.responses import Response

from deskcloud import jsontext


class JSONResponse(Response):
    """Like Starlette's, which fails where a number is NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return jsontext.encode(content)
