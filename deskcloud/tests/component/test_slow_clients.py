"""Clients that send slowly or stop sending do not delay other clients. The server closes the slow connections."""

import contextlib
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from deskcloud import functions
from deskcloud.functions.arriving import Arrival
from deskcloud.web import serving
from deskcloud.web.patience import Patience

SOURCE = """
import functions_framework

@functions_framework.http
def echo(request):
    return request.get_data() or "nothing"
"""
HEAD = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BODY = b'{"a": 1}'
WHOLE = {
    "length": HEAD + b"Content-Length: 8\r\n\r\n" + BODY,
    "chunks": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\n"
    + BODY[:3]
    + b"\r\n5;x=y\r\n"
    + BODY[3:]
    + b"\r\n0\r\n\r\n",
    "trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n8\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n",
    "none": b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}
CUT = [WHOLE["length"][:20], WHOLE["length"][:-1], WHOLE["chunks"][:-1], WHOLE["none"][:-1]]
# With PATIENT, the server closes no connection during a test. With HASTY, it soon closes slow connections.
PATIENT = Patience(*[3600.0] * 3, bytes_a_second=1.0)
HASTY = Patience(first_byte=0.1, head=0.1, body=0.1, bytes_a_second=1e9)
SLOW = 80


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    file = tmp_path_factory.mktemp("source") / "main.py"
    file.write_text(SOURCE)
    return file


@pytest.fixture(scope="module", params=[False, True], ids=["together", "isolated"])
def patient(source, request):
    with functions.serve(source, ["echo"], {}, threads=2, waits=PATIENT, is_isolated=request.param) as url:
        yield url


@pytest.fixture(scope="module")
def hasty(source):
    with functions.serve(source, ["echo"], {}, threads=2, waits=HASTY) as url:
        yield url


@pytest.fixture(scope="module")
def hasty_service():
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    app = Starlette(routes=[Route("/echo", echo, methods=["GET", "POST"])])
    with serving.serve(app, waits=HASTY) as url:
        yield url


def connected(url):
    place = urlsplit(url)
    return socket.create_connection((place.hostname, place.port), timeout=60)


def answer(connection):
    """Return everything that is received until the connection is closed."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            said += piece
    return said


@pytest.mark.parametrize("cut", CUT, ids=["head", "body", "chunks", "empty"])
def test_eighty_slow_clients_do_not_block_other_clients(patient, cut):
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW):
            stack.enter_context(connected(patient)).sendall(cut)
        for _ in range(3):
            assert httpx.post(f"{patient}/echo", json={"a": 1}, timeout=60).json() == {"a": 1}


def test_silent_connections_do_not_block_other_clients(patient):
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW):
            stack.enter_context(connected(patient))
        assert httpx.post(f"{patient}/echo", json={"a": 1}, timeout=60).json() == {"a": 1}


@pytest.mark.parametrize("shape", WHOLE)
def test_a_request_that_comes_byte_by_byte_is_answered(patient, shape):
    with connected(patient) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(WHOLE[shape])):
            connection.send(WHOLE[shape][number : number + 1])
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_a_second_request_begins_where_the_first_ended(patient):
    with connected(patient) as connection:
        connection.sendall(WHOLE["length"] + WHOLE["length"][:30])
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        # Only a part of a second request has arrived. Until all of it has arrived, it must not occupy a thread.
        assert httpx.post(f"{patient}/echo", json={"a": 1}, timeout=60).json() == {"a": 1}
        connection.sendall(WHOLE["length"][30:].replace(b"Content-Type", b"Connection: close\r\nContent-Type"))
        assert b"HTTP/1.1 200" in answer(connection)


def test_a_client_that_asks_whether_it_may_send_a_body_is_answered_100_continue(patient):
    with connected(patient) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 8\r\n\r\n")
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert BODY in answer(connection)


def test_a_body_beyond_cloud_runs_limit_is_refused(source):
    with functions.serve(source, ["echo"], {}, waits=PATIENT) as url, connected(url) as connection:
        connection.sendall(HEAD + f"Content-Length: {(32 << 20) + 1}\r\n\r\n".encode())
        said = answer(connection)
    assert said.startswith(b"HTTP/1.1 413")
    assert b"content-type: application/problem+json" in said


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        (HEAD + b"Content-Length: x\r\n\r\n", 400, "CONTENT-LENGTH"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "CONTENT-LENGTH"),
        (b"GET\r\n\r\n", 400, "GET"),
        (b"GET /echo HTTP/9.9\r\n\r\n", 400, "9"),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "4094"),
        (HEAD + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431, "limit"),
        (HEAD + b"Transfer-Encoding: x\r\n\r\n", 501, "x"),
        (HEAD + b"Expect: something\r\n\r\n", 417, "something"),
    ],
    ids=["length", "lengths", "line", "version", "path", "header", "coding", "expectation"],
)
def test_an_invalid_http_request_is_answered_with_a_problem_document(hasty, request_, status, detail):
    with connected(hasty) as connection:
        connection.sendall(request_)
        head, _, body = answer(connection).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert detail.lower() in problem["detail"].lower()
    assert f"x-request-id: {problem['request_id']}".encode() in head


@pytest.mark.parametrize("cut", CUT, ids=["head", "body", "chunks", "empty"])
def test_a_function_answers_408_if_the_rest_of_a_request_does_not_come(hasty, cut):
    with connected(hasty) as connection:
        connection.sendall(cut)
        assert answer(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("cut", "status"),
    zip(CUT, (b"HTTP/1.1 408", b"", b"", b"HTTP/1.1 408"), strict=True),
    ids=["head", "body", "chunks", "empty"],
)
def test_a_service_closes_the_connection_if_the_rest_of_a_request_does_not_come(hasty_service, cut, status):
    """If the head is incomplete, the service answers 408. If only the body is incomplete, the service answers nothing.

    If only the body is incomplete, a handler has begun to read it, and learns that the client has disconnected.
    """
    with connected(hasty_service) as connection:
        connection.sendall(cut)
        assert answer(connection)[:12] == status


@pytest.mark.parametrize("where", ["hasty", "hasty_service"])
def test_a_connection_on_which_no_request_comes_is_closed(where, request):
    with connected(request.getfixturevalue(where)) as connection:
        assert answer(connection) == b""


def test_a_slow_service_does_not_close_its_clients_connections():
    def wait():
        """Wait twice as long as the server `given_up` waits for a slow client."""
        for _ in range(2):
            with connected(given_up) as other:
                other.sendall(CUT[0])
                answer(other)

    async def late(request: Request) -> PlainTextResponse:
        await run_in_threadpool(wait)
        return PlainTextResponse(json.dumps(len(await request.body())))

    async def never(_: Request) -> PlainTextResponse:
        return PlainTextResponse("")

    slow = Starlette(routes=[Route("/", late, methods=["POST"])])
    with (
        serving.serve(Starlette(routes=[Route("/", never)]), waits=HASTY) as given_up,
        serving.serve(slow, waits=HASTY) as url,
    ):
        big = b"x" * (1 << 20)
        assert httpx.post(f"{url}/", content=big, headers={"Content-Type": "application/octet-stream"}).json() == len(
            big
        )


@pytest.mark.parametrize("shape", WHOLE)
def test_a_request_is_complete_at_its_last_byte_and_not_before(shape):
    request = WHOLE[shape]
    assert [Arrival(request[:end]).is_whole() for end in range(len(request))] == [False] * len(request)
    assert Arrival(request).is_whole()
    assert Arrival(request + request[:10]).is_whole()


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        b"x" * (65 << 10),
    ],
)
def test_the_server_stops_waiting_for_the_rest_of_an_invalid_request(request_):
    assert Arrival(request_).is_whole()
