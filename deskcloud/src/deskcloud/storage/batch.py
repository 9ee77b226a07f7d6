"""Answer Cloud Storage's batch requests, which contain many calls in one multipart/mixed body."""

from email.message import Message
from email.parser import BytesParser, Parser
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from starlette.requests import Request
from starlette.responses import Response

from deskcloud.storage.errors import InvalidError


async def batch(request: Request) -> Response:
    """Send each call to the application and return the answers in the order of the calls.

    Raises:
        InvalidError: the body is not multipart, or a part does not begin with `METHOD URL HTTP/1.1`.
    """
    header = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser().parsebytes(header + await request.body())
    if not message.is_multipart():
        raise InvalidError("A batch request must be multipart/mixed, with one application/http part per call.")
    boundary = f"batch_{uuid4().hex}"
    transport = httpx.ASGITransport(request.app, raise_app_exceptions=False)
    asked = {name: value for name, value in request.headers.items() if name == "authorization"}
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url), headers=asked) as client:
        answers = [await _answer(client, part) for part in message.get_payload() if isinstance(part, Message)]
    body = "".join(f"--{boundary}\r\n{answer}\r\n" for answer in answers) + f"--{boundary}--\r\n"
    return Response(body, media_type=f"multipart/mixed; boundary={boundary}")


async def _answer(client: httpx.AsyncClient, part: Message) -> str:
    line, _, rest = str(part.get_payload()).lstrip().partition("\n")
    try:
        method, url, *_ = line.split()
    except ValueError:
        raise InvalidError(f"A call of a batch must begin with 'METHOD URL HTTP/1.1', not with {line!r}.") from None
    call = Parser().parsestr(rest)
    target = urlsplit(url)
    response = await client.request(
        method,
        target.path + (f"?{target.query}" if target.query else ""),
        content=str(call.get_payload()).strip().encode(),
        headers={name: value for name, value in call.items() if name.lower() not in {"host", "content-length"}},
    )
    content_id = part.get("Content-ID", "").strip("<>")
    status = HTTPStatus(response.status_code)
    return (
        "Content-Type: application/http\r\n"
        + (f"Content-ID: <response-{content_id}>\r\n" if content_id else "")
        + f"\r\nHTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: application/json; charset=UTF-8\r\n\r\n{response.text}\r\n"
    )
