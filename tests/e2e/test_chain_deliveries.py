"""Events may be delivered repeatedly, out of order and in parallel. The result must be that of single deliveries."""

import base64
import contextlib
import json
import random

import httpx
import pytest
from google.cloud import pubsub_v1

from cli import declarations
from fixtures.chain import DEADLINE, PROJECT
from shared.settings import Settings

pytestmark = pytest.mark.slow

TIMES = 3
DEPLOYED = declarations.read().deployed(Settings(project=PROJECT, bucket="any")).functions
LISTENERS = [(name, topic) for name, one in DEPLOYED.items() for topic in one.topics]


def events_of(chain, run):
    """Yield the topic and the body of each event that a run has recorded, including the event that opened the run."""
    opened = chain.runs.opened(run.run_id).run
    yield opened.event.topic, opened.event.to_json()
    for record in run.records:
        yield record.event.topic, record.event.to_json()


def shuffled(chain):
    repeated = list(events_of(chain, chain.first)) * TIMES
    random.Random(7).shuffle(repeated)  # noqa: S311 - seeded, so that the order can be repeated; not for security
    return repeated


def push(chain, function, topic, body, message_id):
    """Post a message as Pub/Sub posts it to a push endpoint."""
    message = {"messageId": message_id, "data": base64.b64encode(json.dumps(body).encode()).decode()}
    url = f"{chain.cloud.services['functions']}/{function}/projects/{PROJECT}/topics/{topic}"
    return httpx.post(url, json={"subscription": "s", "message": message}, timeout=DEADLINE, trust_env=False)


def at_rest(chain):
    """Let the chain read the days that earlier tests have changed. Then return the state of the chain."""
    chain.send("data-refreshed", {})
    return chain.state()


def test_events_pushed_again_and_out_of_order_change_nothing(chain):
    before = at_rest(chain)
    for number, (topic, body) in enumerate(shuffled(chain)):
        for function in (name for name, listened in LISTENERS if listened == topic):
            assert push(chain, function, topic, body, f"again-{number}").status_code == 204
    chain.settle()
    assert chain.state() == before


def test_events_published_again_and_out_of_order_change_nothing_and_publish_the_same(chain):
    before = at_rest(chain)
    chain.heard("audience-published")
    for topic, body in shuffled(chain):
        chain.clients.send(topic, body)
    chain.settle()
    assert chain.state() == before
    told = chain.heard("audience-published")
    assert told
    assert {json.dumps(body) for body in told} == {json.dumps(chain.first.records[-1].event.to_json())}


def test_events_delivered_twice_at_once_have_one_effect(chain):
    """Each delivery of an event may publish the next event again, so the last step gets dozens of deliveries."""
    with delivered_twice(chain):
        run = chain.refresh(reason="twice")
    assert chain.outcome(run) == chain.expected
    assert chain.dead_letters.all() == {}
    told = [body for body in chain.heard("audience-published") if body["run_id"] == run.run_id]
    assert {json.dumps(body) for body in told} == {json.dumps(run.records[-1].event.to_json())}


@contextlib.contextmanager
def delivered_twice(chain):
    """Give each function a second subscription to each of its topics, so that the function gets every message twice."""
    subscriber, more = pubsub_v1.SubscriberClient(), []
    for function, topic in LISTENERS:
        path = f"projects/{PROJECT}/topics/{topic}"
        push_to = pubsub_v1.types.PushConfig(push_endpoint=f"{chain.cloud.services['functions']}/{function}/{path}")
        name = f"projects/{PROJECT}/subscriptions/{function}-{topic}-again"
        subscriber.create_subscription(name=name, topic=path, push_config=push_to, ack_deadline_seconds=600)
        more.append(name)
    try:
        yield
    finally:
        for name in more:
            subscriber.delete_subscription(subscription=name)
