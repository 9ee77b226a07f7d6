"""The local Cloud Logging over HTTP, with its sinks on the local Pub/Sub."""

import contextlib
import json

import httpx
import pytest
from google.api_core.exceptions import NotFound, ServiceUnavailable
from google.cloud import pubsub_v1

from deskcloud import logs as logging
from deskcloud import pubsub
from deskcloud.web import serving
from deskcloud.web.plain import NO_TLS

LOG = "projects/shop/logs/cloudaudit.googleapis.com%2Fdata_access"
TOPIC = "projects/shop/topics/job-finished"
SUBSCRIPTION = "projects/shop/subscriptions/job-finished"
SINK = logging.Sink("job-finished", 'protoPayload.metadata.jobChange.after="DONE"', TOPIC)
DONE = {"logName": LOG, "protoPayload": {"metadata": {"jobChange": {"after": "DONE"}}}}
RUNNING = {"logName": LOG, "protoPayload": {"metadata": {"jobChange": {"after": "RUNNING"}}}}


class Topics:
    """Records the published messages by topic."""

    def __init__(self):
        self.messages = {}

    def publish(self, topic, messages):
        self.messages.setdefault(topic, []).extend(json.loads(message.data) for message in messages)


@contextlib.contextmanager
def connected(router):
    """Return an HTTP client of a local Cloud Logging with this router."""
    with serving.serve(logging.create_app(router)) as url, httpx.Client(base_url=url, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def topics():
    return Topics()


@pytest.fixture
def client(tmp_path, topics):
    with connected(logging.Router(tmp_path, [SINK], topics.publish)) as client:
        yield client


def write(client, *entries, **common):
    return client.post("/v2/entries:write", json={"entries": list(entries), **common})


def listed(client, **query):
    response = client.post("/v2/entries:list", json={"resourceNames": ["projects/shop"], **query})
    assert response.status_code == 200, response.text
    return response.json()


def text_entry(number):
    return {"logName": LOG, "textPayload": str(number), "timestamp": f"2026-01-01T00:00:{number:02}Z"}


def test_an_entry_that_matches_a_sink_is_published_through_pubsub(tmp_path, monkeypatch):
    with pubsub.serve(tmp_path / "pubsub") as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.host)
        with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
            publisher.create_topic(name=TOPIC)
            subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
            router = logging.Router(tmp_path / "logging", [SINK], pubsub.publisher(server.host))
            with connected(router) as client:
                assert write(client, RUNNING, DONE).json() == {}
            [received] = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10, timeout=20).received_messages
    entry = json.loads(received.message.data)
    assert entry["protoPayload"] == DONE["protoPayload"]
    assert received.message.attributes == {"logging.googleapis.com/timestamp": entry["timestamp"]}
    assert {"insertId", "receiveTimestamp", "severity"} <= entry.keys()


def test_an_entry_that_matches_no_sink_is_kept_and_not_published(client, topics):
    write(client, RUNNING)
    assert topics.messages == {}
    [entry] = listed(client)["entries"]
    assert entry["protoPayload"] == RUNNING["protoPayload"]


def test_a_sink_without_its_topic_does_not_fail_the_writer(tmp_path):
    def missing(topic, messages):
        raise NotFound(topic)

    with connected(logging.Router(tmp_path, [SINK], missing)) as client:
        assert write(client, DONE).status_code == 200


def test_if_pubsub_cannot_be_reached_the_writer_of_an_entry_must_retry(tmp_path):
    def down(topic, messages):
        raise ServiceUnavailable("connection refused")

    with connected(logging.Router(tmp_path, [SINK], down)) as client:
        response = write(client, DONE)
    assert response.status_code == 503
    assert response.json()["error"]["status"] == "UNAVAILABLE"


def test_entries_are_listed_by_filter_and_time(client):
    write(client, *(text_entry(number) for number in (3, 1, 2)))
    assert [entry["textPayload"] for entry in listed(client)["entries"]] == ["1", "2", "3"]
    newest = listed(client, orderBy="timestamp desc", filter='timestamp<"2026-01-01T00:00:03Z"')
    assert [entry["textPayload"] for entry in newest["entries"]] == ["2", "1"]
    assert listed(client, resourceNames=["projects/other"])["entries"] == []


@pytest.mark.parametrize("order", ["timestamp asc", "timestamp desc"])
def test_pages_of_entries_have_no_gap_and_no_repetition(client, order):
    write(client, *(text_entry(number // 2) for number in range(7)))
    seen, query = [], {"pageSize": 3, "orderBy": order}
    while True:
        page = listed(client, **query)
        seen += [entry["insertId"] for entry in page["entries"]]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert len(seen) == len(set(seen)) == 7


def test_entries_get_the_log_name_and_labels_of_their_request(client):
    write(client, {"textPayload": "x", "labels": {"a": "1"}}, logName=LOG, labels={"b": "2"})
    [entry] = listed(client)["entries"]
    assert (entry["logName"], entry["labels"]) == (LOG, {"a": "1", "b": "2"})


def test_the_latest_entries_survive_a_restart(tmp_path, topics):
    router = logging.Router(tmp_path, [], topics.publish, keep=5)
    for number in range(13):
        router.write([text_entry(number)])
    (tmp_path / "entries.ndjson").open("a").write('{"cut o')
    router = logging.Router(tmp_path, [], topics.publish, keep=5)
    assert [kept.entry["textPayload"] for kept in router.kept(lambda _: True)] == ["8", "9", "10", "11", "12"]
    assert len((tmp_path / "entries.ndjson").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("write", {}, "entries"),
        ("write", {"entries": [{"textPayload": "x"}]}, "entries[0] has no usable logName"),
        ("write", {"entries": [{"logName": LOG}]}, "exactly one of"),
        ("write", {"entries": ["x"]}, "LogEntry objects"),
        ("write", [], "send an object"),
        ("list", {}, "resourceNames"),
        ("list", {"resourceNames": ["projects/shop"], "filter": "robot"}, "Unparseable filter"),
        ("list", {"resourceNames": ["projects/shop"], "orderBy": "severity"}, "orderBy"),
        ("list", {"resourceNames": ["projects/shop"], "pageSize": -1}, "pageSize"),
        ("list", {"resourceNames": ["projects/shop"], "pageToken": "x"}, "pageToken"),
    ],
)
def test_a_bad_request_is_refused_in_googles_shape(client, path, body, complaint):
    response = client.post(f"/v2/entries:{path}", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert complaint in error["message"]


def test_a_missing_feature_of_cloud_logging_is_reported_as_unimplemented(client):
    response = client.get("/v2/projects/shop/sinks")
    assert (response.status_code, response.json()["error"]["status"]) == (501, "UNIMPLEMENTED")


def test_a_sink_with_an_unusable_filter_is_named(tmp_path, topics):
    with pytest.raises(logging.SinkError, match="sink bad"):
        logging.Router(tmp_path, [logging.Sink("bad", "robot", TOPIC)], topics.publish)
