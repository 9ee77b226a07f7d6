"""Truncate each chunk of a resumable upload, except the last, to a multiple of 256 KiB."""

import os
from pathlib import Path

from deskcloud.storage.errors import InvalidError

CHUNK = 256 << 10
"""256 KiB, in bytes."""


def keep_whole(file: Path, first: int, received: int) -> int:
    """Truncate the chunk that begins at byte `first` to a multiple of `CHUNK`, and return the file's new length.

    `received` is the file's length before the truncation. The client must send the lost bytes again. As on Google
    Cloud, the Range header of the answer shows the client which bytes are stored.

    Raises:
        InvalidError: the chunk is shorter than `CHUNK`.
    """
    kept = first + (received - first) // CHUNK * CHUNK
    os.truncate(file, kept)
    if kept == first:
        raise InvalidError(f"The chunk has {received - first} bytes: all but the last need at least {CHUNK} bytes.")
    return kept
