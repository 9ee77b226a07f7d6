"""Read a Pub/Sub push: an HTTP request that carries one message.

The functions do not use the events of functions-framework, because this library refuses a message without data. It also
drops the subscription, and the number of the delivery attempt. https://cloud.google.com/pubsub/docs/push#receive_push
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import functions_framework
import msgspec

from shared import body, jsontext
from shared.errors import Malformed
from shared.log import LogEvent, log

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Request

# The path of a push endpoint names the topic: see infra/pubsub.tf.
TOPIC = re.compile(r"/projects/[^/]+/topics/(?P<topic>[^/]+)")
# A message to this topic may have no data: it announces that day-tables may have changed.
MAY_BE_EMPTY = "data-refreshed"


@dataclass(frozen=True)
class Message:
    """One delivery of a message. `published_at` is the same in each delivery.

    `attempt` is the number of the delivery, from 1, or None if the subscription has no dead-letter policy.
    """

    id: str
    topic: str
    data: bytes
    attributes: dict[str, str]
    published_at: datetime
    subscription: str
    attempt: int | None

    @cached_property
    def body(self) -> dict[str, Any]:
        """The data as a JSON object.

        Raises:
            Malformed: the data are not a JSON object. The error does not quote the data.
        """
        if not self.data and self.topic == MAY_BE_EMPTY:
            return {}
        if not self.data:
            raise Malformed(f"the message has no data: a message to {self.topic} is a JSON object")
        try:
            found = jsontext.decode(self.data)
        except jsontext.NotJSONError as error:
            raise Malformed(f"the message's data is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise Malformed(f"the message's data is a JSON {type(found).__name__}, not an object")
        return found


class _Envelope(msgspec.Struct, rename="camel"):
    message: _Content
    subscription: str = ""
    delivery_attempt: int | None = None


class _Content(msgspec.Struct, rename="camel"):
    message_id: str
    data: str = ""
    attributes: dict[str, str] = {}
    publish_time: datetime | None = None


class PushRefused(LogEvent, frozen=True):
    """A request to a function that takes messages was refused, because it is not a Pub/Sub push."""

    event = "push_refused"
    severity = "WARNING"
    message = "a request was refused: {reason}"

    reason: str


class NoPushError(ValueError):
    """The request is not a Pub/Sub push; the message says why."""


def function(take: Callable[[Message], None]) -> Callable[[Request], tuple[str, HTTPStatus]]:
    """Return the entry point that calls `take` with each message.

    If `take` returns, the message is acknowledged. If `take` raises an exception, Pub/Sub delivers the message again,
    with backoff.
    """

    @wraps(take)
    def entry_point(request: Request) -> tuple[str, HTTPStatus]:
        try:
            message = read(request)
        except NoPushError as error:
            log(PushRefused(str(error)))
            return f"{error}\n", HTTPStatus.BAD_REQUEST
        take(message)
        return "", HTTPStatus.NO_CONTENT

    functions_framework.http(entry_point)
    return entry_point


def read(request: Request) -> Message:
    """Return the message of a push.

    Raises:
        NoPushError: the request is not a push, or was cut off.
    """
    topic = TOPIC.fullmatch(request.path)
    if request.method != "POST" or topic is None:
        raise NoPushError("not a Pub/Sub push: expected POST /projects/PROJECT/topics/TOPIC")
    try:
        envelope = msgspec.json.decode(body.read(request), type=_Envelope)
        data = base64.b64decode(envelope.message.data, validate=True)
    except body.UnreadableError as error:
        raise NoPushError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise NoPushError(f"the body is not a Pub/Sub push: {error}") from None
    content = envelope.message
    published_at = content.publish_time or datetime.now(UTC)
    return Message(
        content.message_id,
        topic["topic"],
        data,
        content.attributes,
        published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC),
        envelope.subscription,
        envelope.delivery_attempt,
    )
