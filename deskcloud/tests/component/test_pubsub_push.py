"""Push delivery, dead letters and restarts of the local Pub/Sub, with a real HTTP endpoint and Google's clients."""

import base64
import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.api_core.exceptions import InvalidArgument, MethodNotImplemented
from google.cloud import pubsub_v1

from deskcloud import pubsub
from deskcloud.pubsub.state import StateInUseError

TOPIC = "projects/shop/topics/features-built"
LETTERS = "projects/shop/topics/dead-letters"
SUBSCRIPTION = "projects/shop/subscriptions/train-models"
QUICK = {"minimum_backoff": {"nanos": 10_000_000}, "maximum_backoff": {"nanos": 40_000_000}}
DEADLINE = 20


class Endpoint:
    """An HTTP endpoint. It answers the first requests with the codes in `statuses`, and all later requests with 204."""

    def __init__(self, statuses=()):
        self.requests = queue.Queue()
        self.statuses = queue.Queue()
        for status in statuses:
            self.statuses.put(status)
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(endpoint.answer(self.path, json.loads(body)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/train_models"

    def answer(self, path, body):
        self.requests.put((path, body))
        with contextlib.suppress(queue.Empty):
            return self.statuses.get_nowait()
        return 204

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Progress:
    """Records the outcome of every delivery that a Pub/Sub server attempts."""

    def __init__(self, server):
        self.seen = queue.Queue()
        server.on_delivery(self.seen.put)

    def until(self, outcome, subscription=SUBSCRIPTION):
        """Wait for a delivery with this outcome. Return (attempt, outcome) of each delivery up to that one."""
        story = []
        while True:
            progress = self.seen.get(timeout=DEADLINE)
            if progress.subscription == subscription:
                story.append((progress.attempt, progress.outcome))
                if progress.outcome == outcome:
                    return story


@contextlib.contextmanager
def clients(host):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PUBSUB_EMULATOR_HOST", host)
        with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
            yield publisher, subscriber


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Return a publisher and a subscriber of a local Pub/Sub, in which the topic TOPIC exists."""
    with pubsub.serve(tmp_path_factory.mktemp("pubsub")) as server, clients(server.host) as (publisher, subscriber):
        publisher.create_topic(name=TOPIC)
        yield publisher, subscriber


def subscribe(publisher, subscriber, url, **config):
    publisher.create_topic(name=TOPIC)
    subscriber.create_subscription(
        request={
            "name": SUBSCRIPTION,
            "topic": TOPIC,
            "push_config": {"push_endpoint": url},
            "retry_policy": QUICK,
            **config,
        }
    )


def test_a_push_request_has_the_form_of_googles(tmp_path):
    with Endpoint() as endpoint, pubsub.serve(tmp_path) as server, clients(server.host) as (publisher, subscriber):
        progress = Progress(server)
        subscribe(publisher, subscriber, endpoint.url)
        message_id = publisher.publish(TOPIC, b'{"rows": 3}', run_id="r1").result(DEADLINE)
        path, body = endpoint.requests.get(timeout=DEADLINE)
        assert progress.until("acked") == [(1, "acked")]
        published = body["message"].pop("publishTime")
        assert published.endswith("Z")
        assert path == "/train_models"
        assert body == {
            "message": {
                "data": base64.b64encode(b'{"rows": 3}').decode(),
                "attributes": {"run_id": "r1"},
                "messageId": message_id,
                "message_id": message_id,
                "publish_time": published,
            },
            "subscription": SUBSCRIPTION,
        }
        assert server.idle()


def test_a_refused_message_is_posted_until_it_is_taken(tmp_path):
    with (
        Endpoint([500, 404, 302]) as endpoint,
        pubsub.serve(tmp_path) as server,
        clients(server.host) as (publisher, subscriber),
    ):
        progress = Progress(server)
        subscribe(publisher, subscriber, endpoint.url)
        publisher.publish(TOPIC, b"x").result(DEADLINE)
        assert progress.until("acked") == [(1, "nacked"), (2, "nacked"), (3, "nacked"), (4, "acked")]


def test_a_message_refused_too_often_is_dead_lettered(tmp_path):
    with (
        Endpoint([500] * 5) as endpoint,
        pubsub.serve(tmp_path) as server,
        clients(server.host) as (publisher, subscriber),
    ):
        progress = Progress(server)
        publisher.create_topic(name=LETTERS)
        letter_box = "projects/shop/subscriptions/dead-letters"
        subscriber.create_subscription(name=letter_box, topic=LETTERS)
        policy = {"dead_letter_topic": LETTERS, "max_delivery_attempts": 5}
        subscribe(publisher, subscriber, endpoint.url, dead_letter_policy=policy)
        publisher.publish(TOPIC, b"poison", run_id="r1").result(DEADLINE)
        story = progress.until("dead-lettered")
        assert story == [(attempt, "nacked") for attempt in range(1, 6)] + [(5, "dead-lettered")]
        attempts = [endpoint.requests.get(timeout=DEADLINE)[1]["deliveryAttempt"] for _ in range(5)]
        assert attempts == [1, 2, 3, 4, 5]
        response = subscriber.pull(subscription=letter_box, max_messages=1, timeout=DEADLINE)
        attributes = dict(response.received_messages[0].message.attributes)
        assert attributes["run_id"] == "r1"
        assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
        assert server.idle()


def test_at_most_the_allowed_number_of_messages_is_posted_at_once(tmp_path):
    gate, two_are_in = threading.Event(), threading.Event()
    active, most = [], []

    class Slow(Endpoint):
        def answer(self, path, body):
            active.append(body)
            most.append(len(active))
            if len(active) == 2:
                two_are_in.set()
            gate.wait(DEADLINE)
            active.pop()
            return super().answer(path, body)

    with (
        Slow() as endpoint,
        pubsub.serve(tmp_path, push_concurrency=2) as server,
        clients(server.host) as (publisher, subscriber),
    ):
        subscribe(publisher, subscriber, endpoint.url)
        for number in range(6):
            publisher.publish(TOPIC, str(number).encode()).result(DEADLINE)
        assert two_are_in.wait(DEADLINE)
        assert not server.idle()
        gate.set()
        for _ in range(6):
            endpoint.requests.get(timeout=DEADLINE)
        assert max(most) == 2


def test_a_message_waits_for_its_endpoint_over_a_restart(tmp_path):
    with pubsub.serve(tmp_path) as server, clients(server.host) as (publisher, subscriber):
        progress = Progress(server)
        subscribe(publisher, subscriber, "http://127.0.0.1:9/nobody-listens")
        publisher.publish(TOPIC, b"patient").result(DEADLINE)
        progress.until("nacked")
        assert not server.idle()
    with Endpoint() as endpoint, pubsub.serve(tmp_path) as server, clients(server.host) as (_, subscriber):
        progress = Progress(server)
        subscriber.modify_push_config(subscription=SUBSCRIPTION, push_config={"push_endpoint": endpoint.url})
        _, body = endpoint.requests.get(timeout=DEADLINE)
        assert base64.b64decode(body["message"]["data"]) == b"patient"
        [(attempt, _)] = progress.until("acked")[-1:]
        assert attempt > 1


SERVICE = """
import pathlib, signal, sys
from deskcloud import pubsub
with pubsub.serve(pathlib.Path(sys.argv[1])) as server:
    print(server.host, flush=True)
    signal.pause()
"""


@contextlib.contextmanager
def service_process(state):
    process = subprocess.Popen([sys.executable, "-c", SERVICE, str(state)], stdout=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_killed_service_loses_no_message_and_repeats_no_acknowledged_one(tmp_path):
    with service_process(tmp_path) as (process, host), clients(host) as (publisher, subscriber):
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
        publications = [publisher.publish(TOPIC, str(number).encode()) for number in range(200)]
        for publication in publications:
            publication.result(DEADLINE)
        done = subscriber.pull(subscription=SUBSCRIPTION, max_messages=50).received_messages
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[message.ack_id for message in done])
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
    with pubsub.serve(tmp_path) as server, clients(server.host) as (_, subscriber):
        left = subscriber.pull(subscription=SUBSCRIPTION, max_messages=1000).received_messages
    assert len(done) == 50
    assert {m.message.data for m in done} | {m.message.data for m in left} == {
        str(number).encode() for number in range(200)
    }
    assert len(left) == 150


def test_a_second_service_on_the_same_state_is_refused(tmp_path):
    with (
        pubsub.serve(tmp_path),
        pytest.raises(StateInUseError, match="another local Pub/Sub"),
        pubsub.serve(tmp_path),
    ):
        pass


def test_a_taken_port_is_an_error(tmp_path):
    with pubsub.serve(tmp_path / "first") as first:
        port = int(first.host.rpartition(":")[2])
        with pytest.raises(OSError, match="is taken"), pubsub.serve(tmp_path / "second", port):
            pass


def test_a_missing_feature_of_pubsub_is_refused_by_name(service):
    _, subscriber = service
    token = {"push_endpoint": "http://127.0.0.1:9/", "oidc_token": {"service_account_email": "f@shop.example"}}
    for fields, complaint in (
        ({"enable_exactly_once_delivery": True}, "enable_exactly_once_delivery"),
        ({"push_config": token}, "oidc_token"),
    ):
        with pytest.raises(MethodNotImplemented, match=complaint):
            subscriber.create_subscription(request={"name": SUBSCRIPTION, "topic": TOPIC, **fields})
    with pytest.raises(MethodNotImplemented, match="CreateSnapshot is not supported by the local Pub/Sub"):
        subscriber.create_snapshot(name="projects/shop/snapshots/snap", subscription=SUBSCRIPTION)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"filter": "kind = run"}, "Invalid filter"),
        ({"ack_deadline_seconds": 5}, "between 10 and 600"),
        ({"message_retention_duration": {"seconds": 60}}, "between 600 and"),
        ({"push_config": {"push_endpoint": "ftp://shop.example"}}, "http or https"),
        ({"retry_policy": {"minimum_backoff": {"seconds": 601}}}, "between 0 and 600"),
        ({"retry_policy": {"maximum_backoff": {"seconds": 1}}}, "must not exceed"),
        ({"dead_letter_policy": {"dead_letter_topic": TOPIC, "max_delivery_attempts": 4}}, "between 5 and 100"),
    ],
)
def test_a_refused_configuration_names_the_violated_rule(service, fields, complaint):
    _, subscriber = service
    with pytest.raises(InvalidArgument) as refusal:
        subscriber.create_subscription(request={"name": SUBSCRIPTION, "topic": TOPIC, **fields})
    assert complaint in refusal.value.message
