"""How a push request of Pub/Sub is read as a message, and which requests are refused."""

import base64
import contextlib
import json
from datetime import UTC, datetime

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from fixtures.pubsub import PROJECT, pushed
from shared import push
from shared.errors import Malformed
from shared.push import Message, NoPushError

PATH = f"/projects/{PROJECT}/topics/data-refreshed"


def request(body, path=PATH, method="POST"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(EnvironBuilder(path, method=method, data=data).get_environ())


def test_a_push_is_a_message_with_its_subscription_and_attempt():
    body = {
        "message": {
            "messageId": "17",
            "message_id": "17",
            "publishTime": "2026-11-26T08:00:00.123456001Z",
            "data": base64.b64encode(b'{"date": "2017-08-01"}').decode(),
            "attributes": {"origin": "a shop"},
            "orderingKey": "k",
        },
        "subscription": "projects/p/subscriptions/s",
        "deliveryAttempt": 3,
    }
    message = push.read(request(body))
    published_at = datetime(2026, 11, 26, 8, 0, 0, 123456, UTC)
    data = b'{"date": "2017-08-01"}'
    assert message == Message(
        "17", "data-refreshed", data, {"origin": "a shop"}, published_at, "projects/p/subscriptions/s", 3
    )
    assert message.body == {"date": "2017-08-01"}


def test_a_message_with_only_attributes_is_accepted():
    message = push.read(request({"message": {"messageId": "1", "attributes": {"eventType": "OBJECT_FINALIZE"}}}))
    assert (message.data, message.attributes, message.attempt) == (b"", {"eventType": "OBJECT_FINALIZE"}, None)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (request(b"{}", method="GET"), "not a Pub/Sub push"),
        (request(b"{}", "/"), "not a Pub/Sub push"),
        (request(b"{"), "the body is not a Pub/Sub push"),
        (request({"data": "e30="}), "missing required field `message`"),
        (request({"message": {"data": "e30="}}), "missing required field `messageId`"),
        (request({"message": {"messageId": "1", "data": "%"}}), "the body is not a Pub/Sub push"),
        (request({"message": {"messageId": "1", "attributes": {"a": 1}}}), "Expected `str`"),
    ],
)
def test_a_request_that_is_not_a_push_is_refused_and_reaches_no_function(refused, why, capfd):
    reached = []
    entry_point = push.function(reached.append)
    text, status = entry_point(refused)
    assert why in text
    assert (status, reached) == (400, [])
    assert json.loads(capfd.readouterr().out)["severity"] == "WARNING"


def test_a_message_is_acknowledged_once_the_function_returns_and_not_when_it_raises():
    def fails(message):
        raise ValueError("out of memory")

    assert push.function(lambda _: None)(pushed({})) == ("", 204)
    with pytest.raises(ValueError, match="out of memory"):
        push.function(fails)(pushed({}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
encoded = st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode())
bodies = json_values.map(lambda value: base64.b64encode(json.dumps(value).encode()).decode())
contents = st.fixed_dictionaries(
    {}, optional={"messageId": st.text(), "data": json_values | encoded | bodies, "attributes": json_values}
)


@given(json_values | st.binary() | st.fixed_dictionaries({"message": json_values | contents}))
def test_any_request_is_a_message_or_refused_and_its_data_an_object_or_malformed(body):
    with contextlib.suppress(NoPushError, Malformed):
        assert isinstance(push.read(request(body)).body, dict)
