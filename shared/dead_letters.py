"""Messages that no function could use: publish them to the topic dead-letters, and store them in the bucket.

dead-letters/NAME.json    one message with the reason for its rejection; written once
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
# Prefix of the attributes that a dead letter has in addition to the message's own attributes.
REJECTED = "rejected_"
REJECTED_BY = f"{REJECTED}by"
REJECTED_FOR = f"{REJECTED}for"
REJECTED_TOPIC = f"{REJECTED}topic"
REJECTED_ID = f"{REJECTED}id"
REJECTED_BYTES = f"{REJECTED}bytes"
# Maximum bytes of a message: Pub/Sub's limit, minus a reserve for the other parts of the publish request.
MAX_BYTES = 10_000_000 - 1_000
MAX_ATTRIBUTES = 100
_FOLDER = "dead-letters/"


class DeadLetter(LogEvent, frozen=True):
    """A message was stored as a dead letter, with the reason; `propensity replay` sends the message again."""

    event = "dead_letter"
    severity = "ERROR"
    message = "dead letter for {function}: {reason}"

    function: str
    reason: str


class MessageRejected(LogEvent, frozen=True):
    """A function cannot use a message, and a retry cannot help. So the message becomes a dead letter."""

    event = "message_rejected"
    severity = "ERROR"
    message = "{function}: message {message_id} cannot be used: {reason}"

    function: str
    message_id: str
    reason: str


class TooLargeError(ValueError):
    """A rejected message is too large to be published together with the reason."""


def reject(message: "Message", error: Exception, function: str, clients: "Clients") -> None:
    """Publish a message to the topic dead-letters, unchanged, with the reason why no retry can help.

    Raises:
        TooLargeError: message and reason together exceed Pub/Sub's limit. The reason has been published without the
            message. Pub/Sub forwards the message to dead-letters after the last delivery attempt.
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
    raise TooLargeError(f"message {message.id} has {len(message.data)} bytes: too large to publish with the reason")


def _fits(message: "Message", about: Mapping[str, str]) -> bool:
    """Whether the message, with `about` added, is within Pub/Sub's limits (https://cloud.google.com/pubsub/quotas)."""
    attributes = {**message.attributes, **about}
    size = len(message.data) + sum(len(f"{name}{value}".encode()) for name, value in attributes.items())
    return size <= MAX_BYTES and len(attributes) <= MAX_ATTRIBUTES


def _attribute(text: str) -> str:
    """Return a text cut to Pub/Sub's limit for an attribute: 1,024 bytes."""
    return told(text).encode(errors="replace")[:1024].decode(errors="ignore")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be used, and the reason.

    `function` is the function that rejected the message. If Pub/Sub forwarded the message after the last delivery
    attempt, `function` is the subscription. If neither is known, `function` is empty. `data` is in base64.
    """

    function: str
    reason: str
    received_at: datetime
    topic: str = ""
    attributes: dict[str, str] = {}
    data: str = ""
    # Size of the message's data, in bytes, if the data were too large to be stored in `data`; otherwise 0.
    left_out_bytes: int = 0


class DeadLetters:
    """The dead letters in the bucket. A dead letter is named like its file, without `.json`."""

    def __init__(self, bucket: "Bucket") -> None:
        self._store = Store(bucket)

    def bury(self, name: str, letter: Letter) -> None:
        """Store a dead letter, unless a dead letter with this name is stored already."""
        self._store.write_once(f"{_FOLDER}{name}.json", letter)

    def all(self) -> dict[str, Letter]:
        """Return all dead letters by name."""
        return dict(self._store.all(_FOLDER, Letter))

    def remove(self, name: str) -> None:
        """Delete a dead letter, if it exists; `name` is the key that `all` returns."""
        self._store.remove(f"{_FOLDER}{name}.json")

    def remove_all(self) -> None:
        """Delete all dead letters. After this, their messages cannot be replayed."""
        self._store.remove_all(_FOLDER)
