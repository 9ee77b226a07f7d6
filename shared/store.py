"""JSON documents in the bucket, each decoded into a structure. `write_once` never replaces a document; `write` does."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
from google.api_core.exceptions import NotFound, PreconditionFailed

from shared import jsontext
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.storage import Bucket


class Store:
    """The documents of a bucket by path. Every method raises google.api_core exceptions when storage fails."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read[T](self, path: str, kind: type[T]) -> T | None:
        """Return the document, or None if it does not exist.

        Raises:
            Permanent: the document does not match `kind`; the message names the object and the field.
        """
        blob = self._bucket.blob(path)
        try:
            content = blob.download_as_bytes()
        except NotFound:
            return None
        return self.decode(path, content, kind)

    def decode[T](self, path: str, content: bytes, kind: type[T]) -> T:
        """Return the document that `content` holds; `path` is only for the error message.

        Raises:
            Permanent: the document does not match `kind`; the message names the object and the field.
        """
        try:
            return msgspec.convert(json.loads(content), kind, str_keys=True)
        except ValueError as error:
            raise Permanent(f"gs://{self._bucket.name}/{path} cannot be read: {error}") from error

    def write(self, path: str, document: Any) -> None:
        """Write the document, or replace the existing one."""
        content = jsontext.encode(document, 1)
        self._bucket.blob(path).upload_from_string(content, content_type="application/json")

    def write_once(self, path: str, document: Any) -> bool:
        """Write the document unless the path has a document already; return whether it was written."""
        content = jsontext.encode(document, 1)
        blob = self._bucket.blob(path)
        try:
            blob.upload_from_string(content, content_type="application/json", if_generation_match=0)
        except PreconditionFailed:
            return False
        return True

    def keep[T](self, path: str, document: T, kind: type[T]) -> T:
        """Write the document unless the path has a document already; return the stored document."""
        if self.write_once(path, document):
            return document
        standing = self.read(path, kind)
        return document if standing is None else standing

    def all[T](self, folder: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """Yield (name, document) for each document of a folder. The folder's path ends with a slash."""
        for blob in self._bucket.list_blobs(prefix=folder):
            document = self.read(blob.name, kind)
            if document is not None:
                yield blob.name.removeprefix(folder).removesuffix(".json"), document

    def remove(self, path: str) -> None:
        """Delete the document, if it exists."""
        with contextlib.suppress(NotFound):
            self._bucket.blob(path).delete()

    def remove_all(self, folder: str) -> None:
        """Delete all objects of the folder, whether they are documents or not."""
        for blob in self._bucket.list_blobs(prefix=folder):
            with contextlib.suppress(NotFound):
                blob.delete()
