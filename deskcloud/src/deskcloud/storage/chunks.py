"""How much of a resumable upload's chunk is kept before the last one has come."""

import os
from pathlib import Path

from deskcloud.storage.errors import InvalidError

CHUNK = 256 << 10
"""Bytes, of which an upload keeps a multiple until its last chunk."""


def keep_whole(file: Path, first: int, received: int) -> int:
    """Cut off what lies behind the last multiple, as Google does: the answer's Range tells the client to send it again.

    Raises:
        InvalidError: nothing would be left of the chunk, which begins at `first`.
    """
    kept = first + (received - first) // CHUNK * CHUNK
    os.truncate(file, kept)
    if kept == first:
        raise InvalidError(f"The chunk has {received - first} bytes: each but the last one has at least {CHUNK} bytes.")
    return kept
