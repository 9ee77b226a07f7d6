"""Forward requests to the emulator and stream the emulator's answers back, byte for byte."""

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from deskcloud.bigquery.emulator.launch import Emulator
from deskcloud.bigquery.emulator.place import LOCATION_HEADER, SECRET_HEADER
from deskcloud.bigquery.gateway.emulator import location
from deskcloud.web.plain import NO_TLS

# Hop-by-hop headers belong to one connection, not to the message (RFC 9110, 7.6.1).
_OF_THE_CONNECTION = {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade"}


class Passthrough:
    """A pool of persistent connections to the emulator."""

    def __init__(self, emulator: Emulator) -> None:
        # There is no timeout, because a load or a query may take long. The client has its own timeout.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._secret = (SECRET_HEADER.encode(), emulator.secret.encode())
        self._client = httpx.AsyncClient(
            base_url=emulator.url,
            timeout=None,  # noqa: S113 - queries have no time limit
            limits=limits,
            trust_env=False,
            verify=NO_TLS,
        )

    async def forward(self, request: Request, body: bytes | None = None) -> Response:
        """Forward a request and stream the emulator's answer.

        `body` is the request's body if the caller has already read it.
        """
        answer = await self._client.send(self._request(request, body), stream=True)
        response = StreamingResponse(answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose))
        response.raw_headers = _passed(answer)
        return response

    async def fetch(self, request: Request, body: bytes | None = None) -> httpx.Response:
        """Return the emulator's whole answer, so that the caller can read it. `body` is as in `forward`."""
        asked = self._request(request, body)
        asked.headers["accept-encoding"] = "identity"
        return await self._client.send(asked)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _request(self, request: Request, body: bytes | None) -> httpx.Request:
        # The Host header is forwarded, because the emulator builds the URL of a resumable upload from this header.
        ours = dict([self._secret, (LOCATION_HEADER.encode(), location.get().encode())])
        headers = [(k, v) for k, v in request.headers.raw if k not in (*_OF_THE_CONNECTION, *ours)]
        headers += ours.items()
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        content = body if body is not None else request.stream() if has_body else None
        path = request.scope["raw_path"] + (b"?" + request.scope["query_string"] if request.url.query else b"")
        return self._client.build_request(
            request.method,
            httpx.URL(self._client.base_url).copy_with(raw_path=path),
            headers=headers,
            content=content,
        )


def raw(answer: httpx.Response) -> Response:
    """Convert an answer of the emulator into a response of the gateway."""
    response = Response(answer.content, answer.status_code)
    response.raw_headers = _passed(answer)
    return response


def _passed(answer: httpx.Response) -> list[tuple[bytes, bytes]]:
    return [(k.lower(), v) for k, v in answer.headers.raw if k.lower() not in _OF_THE_CONNECTION]
