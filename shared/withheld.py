"""The visitors who get no offer at the checkout, because their customers are in the control group or in the holdout.

serving/withheld.bin   the first 8 bytes of the SHA-256 of each visitor's id, sorted: 8 MB for a million visitors
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH = "serving/withheld.bin"
_BYTES = 8


def content(hashes: Iterable[str]) -> bytes:
    """Return the content of serving/withheld.bin. `hashes` are the texts that sql/customers/withheld.sql returns."""
    return bytes.fromhex("".join(hashes))


class Withheld:
    """The visitors that `content`, the content of serving/withheld.bin, lists.

    Only the beginning of each hash is stored, so a visitor who is not listed may be mistaken for a listed visitor. If a
    million visitors are listed, the probability of this mistake is about 1 in 10^13.
    """

    def __init__(self, content: bytes = b"") -> None:
        """Read the content of serving/withheld.bin.

        Raises:
            ValueError: the content does not consist of whole hashes, or they are not sorted.
        """
        self._hashes = array("Q")
        self._hashes.frombytes(content)
        if sys.byteorder == "little":
            self._hashes.byteswap()
        if any(one > other for one, other in pairwise(self._hashes)):
            raise ValueError(f"{PATH} is not sorted")

    def __contains__(self, visitor_id: str) -> bool:
        """Return whether the visitor is listed, and so gets no offer."""
        hashed = int.from_bytes(hashlib.sha256(visitor_id.encode()).digest()[:_BYTES])
        place = bisect_left(self._hashes, hashed)
        return place < len(self._hashes) and self._hashes[place] == hashed
