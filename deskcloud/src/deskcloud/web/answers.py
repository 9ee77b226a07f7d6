"""JSON responses of the local services, written by `jsontext`."""

from typing import Any

from starlette.responses import Response

from deskcloud import jsontext


class JSONResponse(Response):
    """A JSON response that writes NaN as null, because Starlette's class raises an error for NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return `content` as JSON."""
        return jsontext.encode(content)
