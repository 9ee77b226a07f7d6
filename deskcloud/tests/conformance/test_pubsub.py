"""Google's own Pub/Sub clients work with the local Pub/Sub, and give the same results with Google's emulator.

If `gcloud`'s component pubsub-emulator and Java are installed, the tests run with Google's emulator too. To run them
with an emulator that is already running, set PUBSUB_CONFORMANCE=google and PUBSUB_EMULATOR_HOST=HOST:PORT.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import duration_pb2, field_mask_pb2

from deskcloud import pubsub

PROJECT = "shop"


@contextlib.contextmanager
def local_service(state):
    with pubsub.serve(state) as server:
        yield server.host


@contextlib.contextmanager
def googles_emulator(state):
    if os.environ.get("PUBSUB_CONFORMANCE") == "google" and "PUBSUB_EMULATOR_HOST" in os.environ:
        yield os.environ["PUBSUB_EMULATOR_HOST"]
        return
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        pytest.skip("Google's emulator needs gcloud and Java")
    home = Path(gcloud).resolve().parents[1] / "platform/pubsub-emulator"
    if not home.is_dir():
        pytest.skip("gcloud's component pubsub-emulator is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            "java",
            "-cp",
            f"{home}/lib/*",
            "com.google.cloud.pubsub.testing.v1.Main",
            "--host=127.0.0.1",
            f"--port={port}",
        ],
        cwd=state,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module", params=[local_service, googles_emulator])
def clients(request, tmp_path_factory):
    with (
        request.param(tmp_path_factory.mktemp("pubsub")) as host,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("PUBSUB_EMULATOR_HOST", host)
        with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
            yield publisher, subscriber


@pytest.fixture
def is_google(clients, request):
    return "googles_emulator" in request.node.name


@pytest.fixture
def publisher(clients):
    return clients[0]


@pytest.fixture
def subscriber(clients):
    return clients[1]


@pytest.fixture
def topic(publisher):
    return publisher.create_topic(name=f"projects/{PROJECT}/topics/t{uuid.uuid4().hex}").name


@pytest.fixture
def subscription(subscriber, topic):
    return subscribe(subscriber, topic).name


def subscription_name():
    return f"projects/{PROJECT}/subscriptions/s{uuid.uuid4().hex}"


def subscribe(subscriber, topic, **config):
    """Create a subscription to a topic, and return the subscription."""
    return subscriber.create_subscription(request={"name": subscription_name(), "topic": topic, **config})


def pull(subscriber, subscription, count):
    """Return exactly `count` messages, or fail if fewer have arrived within about 20 s."""
    received = []
    deadline = time.monotonic() + 20
    while len(received) < count and time.monotonic() < deadline:
        with contextlib.suppress(exceptions.DeadlineExceeded):
            response = subscriber.pull(subscription=subscription, max_messages=count - len(received), timeout=5)
            received += response.received_messages
    assert len(received) == count
    return received


def nothing_is_left(subscriber, subscription):
    with pytest.warns(DeprecationWarning, match="return_immediately"):
        response = subscriber.pull(subscription=subscription, max_messages=1, return_immediately=True)
    return not response.received_messages


def test_a_message_arrives_with_its_data_and_attributes(publisher, subscriber, topic, subscription):
    message_id = publisher.publish(topic, b"built", run_id="20260101-ab12cd34").result(timeout=10)
    [received] = pull(subscriber, subscription, 1)
    assert received.message.data == b"built"
    assert received.message.attributes == {"run_id": "20260101-ab12cd34"}
    assert received.message.message_id == message_id
    assert abs(received.message.publish_time.timestamp() - time.time()) < 60
    assert received.delivery_attempt == 0


def test_an_acknowledged_message_is_gone(publisher, subscriber, topic, subscription):
    publisher.publish(topic, b"once").result(timeout=10)
    [received] = pull(subscriber, subscription, 1)
    subscriber.acknowledge(subscription=subscription, ack_ids=[received.ack_id])
    assert nothing_is_left(subscriber, subscription)


def test_a_refused_message_comes_again(publisher, subscriber, topic, subscription):
    publisher.publish(topic, b"again").result(timeout=10)
    [first] = pull(subscriber, subscription, 1)
    subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[first.ack_id], ack_deadline_seconds=0)
    [second] = pull(subscriber, subscription, 1)
    assert second.message.message_id == first.message.message_id


def test_a_message_that_is_not_acknowledged_in_time_comes_again(publisher, subscriber, topic, subscription):
    publisher.publish(topic, b"late").result(timeout=10)
    [first] = pull(subscriber, subscription, 1)
    subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[first.ack_id], ack_deadline_seconds=1)
    assert nothing_is_left(subscriber, subscription)
    [second] = pull(subscriber, subscription, 1)
    assert second.message.message_id == first.message.message_id


def test_a_streaming_pull_receives_everything_once(publisher, subscriber, topic, subscription):
    count = 500
    received, everything = [], threading.Event()

    def callback(message):
        received.append(message.data)
        message.ack()
        if len(received) == count:
            everything.set()

    future = subscriber.subscribe(subscription, callback, flow_control=pubsub_v1.types.FlowControl(max_messages=50))
    publications = [publisher.publish(topic, str(number).encode()) for number in range(count)]
    for publication in publications:
        publication.result(timeout=20)
    assert everything.wait(30)
    future.cancel()
    future.result(timeout=20)
    assert sorted(received, key=int) == [str(number).encode() for number in range(count)]


def test_a_streaming_pull_gets_a_refused_message_again(publisher, subscriber, topic, subscription):
    deliveries, twice = [], threading.Event()

    def callback(message):
        deliveries.append(message.message_id)
        if len(deliveries) == 1:
            message.nack()
        else:
            message.ack()
            twice.set()

    future = subscriber.subscribe(subscription, callback)
    publisher.publish(topic, b"try twice").result(timeout=10)
    assert twice.wait(20)
    future.cancel()
    future.result(timeout=20)
    assert deliveries[0] == deliveries[1]


def test_every_subscription_gets_its_own_copy(publisher, subscriber, topic, subscription):
    other = subscribe(subscriber, topic).name
    publisher.publish(topic, b"for both").result(timeout=10)
    assert [pull(subscriber, name, 1)[0].message.data for name in (subscription, other)] == [b"for both"] * 2


def test_messages_with_one_ordering_key_arrive_in_order(clients, subscriber, topic):
    name = subscribe(subscriber, topic, enable_message_ordering=True).name
    options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    with pubsub_v1.PublisherClient(publisher_options=options) as publisher:
        for number in range(20):
            publisher.publish(topic, str(number).encode(), ordering_key="visitor")
        publisher.stop()
        received = []
        while len(received) < 20:
            for message in subscriber.pull(subscription=name, max_messages=20, timeout=10).received_messages:
                received.append(int(message.message.data))
                subscriber.acknowledge(subscription=name, ack_ids=[message.ack_id])
    assert received == list(range(20))


def test_dead_letters_have_attributes_that_name_their_source(publisher, subscriber, topic):
    letters = publisher.create_topic(name=f"projects/{PROJECT}/topics/d{uuid.uuid4().hex}").name
    letter_box = subscribe(subscriber, letters).name
    policy = {"dead_letter_topic": letters, "max_delivery_attempts": 5}
    source = subscribe(subscriber, topic, dead_letter_policy=policy).name
    publisher.publish(topic, b"poison", run_id="r1").result(timeout=10)
    attempts = []
    for _ in range(5):
        [received] = pull(subscriber, source, 1)
        attempts.append(received.delivery_attempt)
        subscriber.modify_ack_deadline(subscription=source, ack_ids=[received.ack_id], ack_deadline_seconds=0)
    # Pull once more: Google's emulator forwards a message to the dead letters only when it would deliver it again.
    assert nothing_is_left(subscriber, source)
    [letter] = pull(subscriber, letter_box, 1)
    assert attempts == [1, 2, 3, 4, 5]
    assert letter.message.data == b"poison"
    attributes = dict(letter.message.attributes)
    assert attributes["run_id"] == "r1"
    assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert attributes["CloudPubSubDeadLetterSourceSubscription"] == source.rpartition("/")[2]
    assert attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] == PROJECT
    assert attributes["CloudPubSubDeadLetterSourceTopicPublishTime"].startswith("20")


def test_a_filter_is_applied(publisher, subscriber, topic, is_google):
    if is_google:
        pytest.skip("Google's emulator accepts filters without applying them")
    runs_elsewhere = 'attributes.kind = "run" AND NOT hasPrefix(attributes.region, "us-")'
    name = subscribe(subscriber, topic, filter=runs_elsewhere).name
    for kind, region in [("run", "us-east1"), ("tick", "eu"), ("run", "europe-west4")]:
        publisher.publish(topic, b"x", kind=kind, region=region).result(timeout=10)
    [received] = pull(subscriber, name, 1)
    assert received.message.attributes["region"] == "europe-west4"
    assert nothing_is_left(subscriber, name)


def test_topics_and_subscriptions_are_listed_page_by_page(publisher, subscriber):
    project = f"p{uuid.uuid4().hex[:8]}"
    topics = [publisher.create_topic(name=f"projects/{project}/topics/topic-{n}").name for n in range(5)]
    names = [
        subscriber.create_subscription(name=f"projects/{project}/subscriptions/sub-{n}", topic=topics[0]).name
        for n in range(5)
    ]
    request = {"project": f"projects/{project}", "page_size": 2}
    assert sorted(topic.name for topic in publisher.list_topics(request=request)) == topics
    assert sorted(found.name for found in subscriber.list_subscriptions(request=request)) == names
    assert sorted(publisher.list_topic_subscriptions(request={"topic": topics[0], "page_size": 2})) == names
    assert list(publisher.list_topic_subscriptions(topic=topics[1])) == []


def test_a_subscription_keeps_its_configuration(publisher, subscriber, topic):
    created = subscribe(
        subscriber,
        topic,
        ack_deadline_seconds=30,
        labels={"pipeline": "propensity"},
        retry_policy={
            "minimum_backoff": duration_pb2.Duration(seconds=1),
            "maximum_backoff": duration_pb2.Duration(seconds=20),
        },
    )
    found = subscriber.get_subscription(subscription=created.name)
    assert found == created
    assert found.topic == topic
    assert found.ack_deadline_seconds == 30
    assert found.retry_policy.maximum_backoff.total_seconds() == 20


def test_a_subscription_is_updated_by_mask(subscriber, topic):
    name = subscribe(subscriber, topic).name
    subscriber.update_subscription(
        subscription={"name": name, "topic": topic, "ack_deadline_seconds": 60, "labels": {"unmasked": "yes"}},
        update_mask=field_mask_pb2.FieldMask(paths=["ack_deadline_seconds"]),
    )
    found = subscriber.get_subscription(subscription=name)
    assert (found.ack_deadline_seconds, dict(found.labels)) == (60, {})


def test_a_topic_is_updated_by_mask(publisher, topic):
    publisher.update_topic(
        request={
            "topic": {"name": topic, "message_retention_duration": {"seconds": 3600}},
            "update_mask": field_mask_pb2.FieldMask(paths=["message_retention_duration"]),
        }
    )
    assert publisher.get_topic(topic=topic).message_retention_duration.total_seconds() == 3600


def test_a_push_endpoint_is_set_and_cleared(subscriber, topic, subscription):
    endpoint = "http://127.0.0.1:9/nobody-listens"
    subscriber.modify_push_config(subscription=subscription, push_config={"push_endpoint": endpoint})
    assert subscriber.get_subscription(subscription=subscription).push_config.push_endpoint == endpoint
    subscriber.modify_push_config(subscription=subscription, push_config={})
    assert subscriber.get_subscription(subscription=subscription).push_config.push_endpoint == ""


def test_a_deleted_topic_leaves_its_subscriptions_behind(publisher, subscriber, topic, subscription):
    publisher.delete_topic(topic=topic)
    with pytest.raises(exceptions.NotFound):
        publisher.get_topic(topic=topic)
    assert subscriber.get_subscription(subscription=subscription).topic == "_deleted-topic_"


def test_a_deleted_subscription_is_not_found(subscriber, subscription):
    subscriber.delete_subscription(subscription=subscription)
    with pytest.raises(exceptions.NotFound):
        subscriber.pull(subscription=subscription, max_messages=1)


def test_a_missing_topic_or_subscription_is_not_found(publisher, subscriber, topic):
    absent_topic = f"projects/{PROJECT}/topics/absent"
    absent_subscription = f"projects/{PROJECT}/subscriptions/absent"
    for call in (
        lambda: publisher.get_topic(topic=absent_topic),
        lambda: publisher.delete_topic(topic=absent_topic),
        lambda: publisher.publish(absent_topic, b"x").result(timeout=10),
        lambda: subscriber.create_subscription(name=absent_subscription, topic=absent_topic),
        lambda: subscriber.get_subscription(subscription=absent_subscription),
        lambda: subscriber.delete_subscription(subscription=absent_subscription),
        lambda: subscriber.pull(subscription=absent_subscription, max_messages=1),
        lambda: subscriber.acknowledge(subscription=absent_subscription, ack_ids=["1:1"]),
    ):
        with pytest.raises(exceptions.NotFound):
            call()


def test_creating_a_topic_or_subscription_again_is_refused(publisher, subscriber, topic, subscription):
    with pytest.raises(exceptions.AlreadyExists):
        publisher.create_topic(name=topic)
    with pytest.raises(exceptions.AlreadyExists):
        subscriber.create_subscription(name=subscription, topic=topic)


def test_a_request_that_breaks_a_rule_is_an_invalid_argument(publisher, subscriber, topic, subscription):
    mask = field_mask_pb2.FieldMask(paths=["topic"])
    for call in (
        lambda: publisher.create_topic(name=f"projects/{PROJECT}/topics/x"),
        lambda: publisher.create_topic(name="not-a-path"),
        lambda: publisher.publish(topic, b"").result(timeout=10),
        lambda: subscribe(subscriber, topic, ack_deadline_seconds=601),
        lambda: subscriber.update_subscription(subscription={"name": subscription, "topic": topic}, update_mask=mask),
        lambda: subscriber.pull(subscription=subscription, max_messages=0),
    ):
        with pytest.raises(exceptions.InvalidArgument):
            call()
