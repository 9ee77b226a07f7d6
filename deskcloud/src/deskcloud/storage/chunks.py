"""Decide how many bytes of a resumable upload's chunk to keep, unless it is the last chunk."""

import os
from pathlib import Path

from deskcloud.storage.errors import InvalidError

CHUNK = 256 << 10
"""Until its last chunk, an upload keeps a multiple of this number of bytes."""


def keep_whole(file: Path, first: int, received: int) -> int:
    """Cut off the bytes after the last multiple, as Google does; the answer's Range tells the client to resend them.

    Raises:
        InvalidError: the chunk, which begins at byte `first`, is too short to keep any of it.
    """
    kept = first + (received - first) // CHUNK * CHUNK
    os.truncate(file, kept)
    if kept == first:
        raise InvalidError(f"The chunk has {received - first} bytes: all but the last need at least {CHUNK} bytes.")
    return kept
