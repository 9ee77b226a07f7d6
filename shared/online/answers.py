"""The stored answers to checkout-started messages, so that each delivery of a message gets the same answer.

checkouts/NAME.json    the answer to one message, kept as long as Pub/Sub may deliver the message again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.online.contract import Score
from shared.store import Store

if TYPE_CHECKING:
    from google.cloud.storage import Bucket


class Answers:
    """The answers in the bucket. An answer's name is a keyed digest of the checkout and does not reveal the visitor."""

    def __init__(self, bucket: Bucket) -> None:
        self._store = Store(bucket)

    def read(self, name: str) -> Score | None:
        """Return the answer, or None if no delivery has stored an answer."""
        return self._store.read(_path(name), Score)

    def keep(self, name: str, score: Score) -> Score:
        """Store the answer, unless another delivery has stored an answer. Return the stored answer."""
        return self._store.keep(_path(name), score, Score)


def _path(name: str) -> str:
    return f"checkouts/{name}.json"
