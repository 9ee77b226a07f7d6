"""A document in the bucket with optimistic locking: a writer can only replace the generation that it has read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
from google.api_core.exceptions import NotFound, PreconditionFailed

from shared import jsontext

if TYPE_CHECKING:
    from shared.clients import Clients


class Guarded[T: msgspec.Struct]:
    """The document at `path`, decoded as `kind`."""

    def __init__(self, path: str, kind: type[T], clients: Clients) -> None:
        self._path = path
        self._kind = kind
        self._bucket = clients.bucket

    def read(self) -> tuple[T | None, int]:
        """Return the document and its generation; (None, 0) if it does not exist."""
        while blob := self._bucket.get_blob(self._path):
            # If the document was replaced or deleted between `get_blob` and the download, start again.
            with contextlib.suppress(NotFound, PreconditionFailed):
                content = blob.download_as_bytes(if_generation_match=blob.generation)
                return msgspec.json.decode(content, type=self._kind), int(blob.generation)
        return None, 0

    def replace(self, document: T, generation: int | None) -> int | None:
        """Replace the stored document if its generation is `generation`, and return the new generation.

        Return None, and write nothing, if the stored document has another generation. Generation 0 means that no
        document must be stored. If `generation` is None, the document is written in any case.
        """
        blob = self._bucket.blob(self._path)
        content = jsontext.encode(document, 1)
        try:
            blob.upload_from_string(content, content_type="application/json", if_generation_match=generation)
        except PreconditionFailed:
            return None
        return int(blob.generation)

    def remove(self, generation: int) -> None:
        """Delete the document, unless it was replaced since `generation` was read."""
        with contextlib.suppress(NotFound, PreconditionFailed):
            self._bucket.blob(self._path).delete(if_generation_match=generation)
