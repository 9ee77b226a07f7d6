"""Messages that no function could use: how they are sent to dead-letters, and how they are kept in the bucket.

dead-letters/NAME.json    one message with the reason; written once
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from shared.errors import told
from shared.log import LogEvent, log
from shared.store import Store

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

    from shared.clients import Clients
    from shared.push import Message

TOPIC = "dead-letters"
# Attributes that a dead letter has besides the message's own.
REJECTED = "rejected_"
REJECTED_BY = f"{REJECTED}by"
REJECTED_FOR = f"{REJECTED}for"
REJECTED_TOPIC = f"{REJECTED}topic"
REJECTED_ID = f"{REJECTED}id"
REJECTED_BYTES = f"{REJECTED}bytes"
# What Pub/Sub takes, less what the request around the message needs.
MAX_BYTES = 10_000_000 - 1_000
MAX_ATTRIBUTES = 100
_FOLDER = "dead-letters/"


class DeadLetter(LogEvent, frozen=True):
    """A message was given up and is kept with its reason; `propensity replay` sends it again."""

    event = "dead_letter"
    severity = "ERROR"
    message = "dead letter for {function}: {reason}"

    function: str
    reason: str


class MessageRejected(LogEvent, frozen=True):
    """A function cannot use a message, and no retry can help: it goes to the dead letters."""

    event = "message_rejected"
    severity = "ERROR"
    message = "{function}: message {message_id} cannot be used: {reason}"

    function: str
    message_id: str
    reason: str


class TooLargeError(ValueError):
    """A message that cannot be used is too large to be passed on with the reason."""


def reject(message: "Message", error: Exception, function: str, clients: "Clients") -> None:
    """Give a message that no retry can help to the dead letters, as it came, with the reason.

    Raises:
        TooLargeError: there is no room beside it for the reason. The reason has gone ahead alone, and Pub/Sub
            brings the message itself to the dead letters once it gives up.
    """
    log(MessageRejected(function, message.id, str(error)))
    about = {
        REJECTED_BY: function,
        REJECTED_FOR: _attribute(str(error)),
        REJECTED_TOPIC: message.topic,
        REJECTED_ID: message.id,
    }
    if _fits(message, about):
        clients.pass_on(TOPIC, message.data, {**message.attributes, **about})
        return
    about[REJECTED_BYTES] = str(len(message.data))
    clients.pass_on(TOPIC, b"", about)
    raise TooLargeError(f"message {message.id} has {len(message.data)} bytes: no room for the reason beside them")


def _fits(message: "Message", about: Mapping[str, str]) -> bool:
    """Whether Pub/Sub takes the message with these attributes too (https://cloud.google.com/pubsub/quotas)."""
    attributes = {**message.attributes, **about}
    size = len(message.data) + sum(len(f"{name}{value}".encode()) for name, value in attributes.items())
    return size <= MAX_BYTES and len(attributes) <= MAX_ATTRIBUTES


def _attribute(text: str) -> str:
    """Return as much of a text as Pub/Sub lets into an attribute: 1,024 bytes."""
    return told(text).encode(errors="replace")[:1024].decode(errors="ignore")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be used, and why.

    `function` is the function that refused it, or the subscription whose deliveries were given up; empty for neither.
    `data` is in base64.
    """

    function: str
    reason: str
    received_at: datetime
    topic: str = ""
    attributes: dict[str, str] = {}
    data: str = ""
    # How large the data were, where they had no room in it.
    left_out_bytes: int = 0


class DeadLetters:
    """The dead letters in the bucket, by name."""

    def __init__(self, bucket: "Bucket") -> None:
        self._store = Store(bucket)

    def bury(self, name: str, letter: Letter) -> None:
        """Keep a dead letter; the same one arriving twice is one."""
        self._store.write_once(f"{_FOLDER}{name}.json", letter)

    def all(self) -> dict[str, Letter]:
        """Return all dead letters by name."""
        return dict(self._store.all(_FOLDER, Letter))

    def remove(self, name: str) -> None:
        """Forget one dead letter; twice is once."""
        self._store.remove(f"{_FOLDER}{name}.json")

    def remove_all(self) -> None:
        """Forget all dead letters."""
        self._store.remove_all(_FOLDER)
