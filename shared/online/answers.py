"""What checkouts that came as messages were answered: the same checkout is answered once.

checkouts/NAME.json    the answer to one checkout-started, for the days that its message may come again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.online.contract import Score
from shared.store import Store

if TYPE_CHECKING:
    from google.cloud.storage import Bucket


class Answers:
    """The answers in the bucket; a name is made of the checkout, and tells nothing of the visitor."""

    def __init__(self, bucket: Bucket) -> None:
        self._store = Store(bucket)

    def read(self, name: str) -> Score | None:
        """Return what the checkout was answered, or None when no delivery has answered it."""
        return self._store.read(_path(name), Score)

    def keep(self, name: str, score: Score) -> Score:
        """Write down what the checkout is answered, unless another delivery has; return what stands."""
        return self._store.keep(_path(name), score, Score)


def _path(name: str) -> str:
    return f"checkouts/{name}.json"
