"""Exchanges with a local service are recorded, and contradictions to Google's documents are reported."""

import asyncio
import gzip
import json

import httpx
import pytest
from google.pubsub_v1.types import PublishRequest, Topic
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from desk.conversation import Conversation, Hears

OBJECTS = "/storage/v1/b/b/o"
UPLOAD = "/upload/storage/v1/b/b/o"
MODELS = "/v1/projects/p/locations/l/models"
NUMBERS = "$alt=json;enum-encoding=int"


def said(document, method, url, answer, status=200, **sent):
    """Return the problems that the check finds in one request and in the service's answer `answer`."""

    async def respond(request):
        await request.body()
        return answer if isinstance(answer, Response) else JSONResponse(answer, status)

    heard = Conversation()
    app = Starlette(routes=[Route("/{path:path}", respond, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])
    app.add_middleware(Hears, conversation=heard, document=document)

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
            await client.request(method, url, **sent)

    asyncio.run(ask())
    return [problem.key for problem in (*heard.problems, *heard.refused)]


def related(metadata):
    body = f"--x\r\nContent-Type: application/json\r\n\r\n{json.dumps(metadata)}\r\n--x\r\n\r\n\x00\r\n--x--"
    return {"content": body.encode(), "headers": {"content-type": "multipart/related; boundary=x"}}


def zipped(body):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return {"content": gzip.compress(json.dumps(body).encode()), "headers": headers}


def upload(source_type):
    return {"json": {"model": {"modelSourceInfo": {"sourceType": source_type}}}}


@pytest.mark.parametrize(
    ("document", "method", "url", "sent"),
    [
        ("storage.v1", "GET", f"{OBJECTS}?prefix=a&fields=items(name,generation)", {}),
        ("storage.v1", "POST", f"{UPLOAD}?uploadType=multipart", related({"name": "o"})),
        ("storage.v1", "PUT", f"{UPLOAD}?uploadType=resumable&upload_id=1", {"content": b"half"}),
        ("bigquery.v2", "POST", "/bigquery/v2/projects/p/queries", zipped({"query": "select 1"})),
        ("aiplatform.v1", "POST", f"{MODELS}:upload?{NUMBERS}", upload(3)),
    ],
)
def test_a_request_that_agrees_with_googles_document_has_no_problem(document, method, url, sent):
    assert said(document, method, url, {}, **sent) == []


@pytest.mark.parametrize(
    ("document", "method", "url", "sent", "problem"),
    [
        ("storage.v1", "GET", f"{OBJECTS}/a/b", {}, f"storage.v1 GET {OBJECTS}/a/b is no method of the API"),
        ("storage.v1", "GET", f"{OBJECTS}?like=a", {}, "storage.objects.list?like is no parameter of the method"),
        (
            *("storage.v1", "POST", f"{UPLOAD}?uploadType=multipart", related({"title": "o"})),
            "Object.title is no field of the schema",
        ),
        (
            *("bigquery.v2", "POST", "/bigquery/v2/projects/p/queries", zipped({"sql": "select 1"})),
            "QueryRequest.sql is no field of the schema",
        ),
        (
            *("aiplatform.v1", "POST", f"{MODELS}:upload?{NUMBERS}", upload(99)),
            "GoogleCloudAiplatformV1ModelSourceInfo.sourceType is not a value of the enum",
        ),
        (
            *("aiplatform.v1", "POST", f"{MODELS}:upload", upload(3)),
            "GoogleCloudAiplatformV1ModelSourceInfo.sourceType is not a value of the enum",
        ),
        (
            *("aiplatform.v1", "DELETE", f"{MODELS}/m", {"json": {"force": True}}),
            "aiplatform.projects.locations.models.delete request has a body, and the method none",
        ),
    ],
)
def test_a_request_that_contradicts_googles_document_has_a_problem(document, method, url, sent, problem):
    assert said(document, method, url, {}, **sent) == [problem]


@pytest.mark.parametrize(
    ("answer", "status", "problem"),
    [
        ({"kind": "storage#objects", "items": [{"size": "1"}]}, 200, None),
        (
            {"kind": "storage#objects", "items": [{"size": 1}]},
            200,
            "Object.size is not of the type string in the format uint64",
        ),
        ({"error": {"code": 404, "message": "no", "errors": [{"reason": "notFound"}]}}, 404, None),
        ({"error": {"code": "404", "message": "no"}}, 404, "error.error.code is not of the type integer"),
    ],
)
def test_an_answer_is_checked_too(answer, status, problem):
    assert said("storage.v1", "GET", OBJECTS, answer, status) == ([problem] if problem else [])


def test_a_compressed_answer_is_checked():
    body = gzip.compress(json.dumps({"pages": 1}).encode())
    answer = Response(body, headers={"content-encoding": "gzip"}, media_type="application/json")
    assert said("storage.v1", "GET", OBJECTS, answer) == ["Objects.pages is no field of the schema"]


def test_an_answer_that_is_not_json_is_a_problem_unless_the_connection_broke():
    async def broken_off(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})

    assert said("storage.v1", "GET", OBJECTS, Response(b"{", media_type="application/json")) == [
        "storage.objects.list answer is no JSON"
    ]
    heard = Conversation()
    scope = {"type": "http", "method": "GET", "raw_path": OBJECTS.encode(), "query_string": b"", "headers": []}

    async def sent(_):
        pass

    asyncio.run(Hears(broken_off, heard, "storage.v1")(scope, None, sent))
    assert (heard.problems, heard.said) == ({}, {})


def rpc(name, message):
    heard = Conversation()
    heard.hear_rpc(name, [(message, False)])
    return [problem.key for problem in heard.problems]


def test_an_rpc_is_checked_against_the_service_and_its_proto():
    publish = PublishRequest.pb()(topic="projects/p/topics/t", messages=[{"data": b"{}"}])
    assert rpc("/google.pubsub.v1.Publisher/Publish", publish) == []
    assert rpc("/google.pubsub.v1.Publisher/Send", publish) == [
        "/google.pubsub.v1.Publisher/Send is no RPC of the service"
    ]
    # The bytes encode an integer in field 99. No message of Pub/Sub has a field 99.
    unknown = Topic.pb().FromString(b"\x98\x06\x01")
    assert rpc("/google.pubsub.v1.Publisher/CreateTopic", unknown) == [
        "google.pubsub.v1.Topic has a field that the proto has not"
    ]


def test_a_problem_is_reported_once_unless_it_is_listed():
    heard = Conversation()
    heard.hear_rpc("/google.pubsub.v1.Publisher/Send", [])
    assert len(heard.unlisted()) == 1
    assert heard.unlisted() == []
