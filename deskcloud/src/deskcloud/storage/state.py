"""Buckets and objects on disk: contents as plain files, everything else in SQLite, changed atomically together.

This order of steps makes a change atomic across both stores:

    write    staged file -> staging/GENERATION -> commit the row -> rename into place
    delete   file -> staging/GENERATION -> commit the row's removal -> unlink

After a crash, one rule repairs the store without a journal: a staged file whose generation is in a row is moved to that
row's path; any other staged file is deleted.
"""

import contextlib
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from deskcloud import jsontext
from deskcloud.storage import catalogue, wire
from deskcloud.storage.errors import ConflictError, NotFoundError
from deskcloud.storage.folders import Folders
from deskcloud.storage.listing import Page, folded
from deskcloud.storage.preconditions import Preconditions
from deskcloud.storage.wire import Digests, Resource

_UPLOAD_SECONDS = 7 * 24 * 3600  # Google's limit for a resumable upload
_NONE = Preconditions()


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload: the object's fields, the file with the bytes so far, and the object once it is finished."""

    id: str
    bucket: str
    name: str
    fields: Resource
    preconditions: Preconditions
    file: Path
    resource: Resource | None


class Store:
    """The state of the local Cloud Storage. Thread-safe; one process at a time.

    `root`/BUCKET/OBJECT is the object's content as a file. A name that cannot be a file there (it ends in a slash, or
    is `a` beside `a/b`) is stored elsewhere and visible only through the API.
    """

    def __init__(self, state: Path) -> None:
        """Open the store below `state`, create it if it does not exist, and repair it after a crash.

        Raises:
            RuntimeError: another process uses it.
        """
        self._folders = Folders(state)
        self.root = self._folders.buckets
        self._lock = threading.RLock()
        self._database = catalogue.opened(state)
        self._heal()

    def close(self) -> None:
        """Close the store, so that another process can open it."""
        with self._lock:
            self._database.close()

    def _heal(self) -> None:
        for staged in self._folders.staging.iterdir():
            row = (
                staged.name.isdecimal()
                and self._database.execute(
                    "select path from objects where generation = ?", (int(staged.name),)
                ).fetchone()
            )
            if row:
                self._folders.settle(staged, row[0])
            else:
                staged.unlink()
        with self._database:
            self._database.execute("delete from uploads where created_at < ?", (time.time() - _UPLOAD_SECONDS,))
        alive = {row[0] for row in self._database.execute("select id from uploads where resource is null")}
        for file in self._folders.uploads.iterdir():
            if file.name not in alive:
                file.unlink()

    # Buckets

    def create_bucket(self, project: str, fields: Resource) -> Resource:
        """Create a bucket.

        Raises:
            ConflictError: there is one of that name.
            InvalidError, UnsupportedError: see `wire.new_bucket`.
        """
        bucket = wire.new_bucket(fields)
        with self._lock, self._database:
            (self.root / bucket["name"]).mkdir(exist_ok=True)
            try:
                self._database.execute(
                    "insert into buckets values (?, ?, ?)", (bucket["name"], project, jsontext.text(bucket))
                )
            except sqlite3.IntegrityError as error:
                raise ConflictError(
                    f"Bucket {bucket['name']!r}: you already own this bucket. Please select another name."
                ) from error
        return bucket

    def buckets(self, project: str, prefix: str) -> list[Resource]:
        """Return the project's buckets by name."""
        with self._lock:
            rows = self._database.execute(
                "select resource from buckets where project = ? order by name", (project,)
            ).fetchall()
        found: list[Resource] = [json.loads(row[0]) for row in rows]
        return [bucket for bucket in found if bucket["name"].startswith(prefix)]

    def bucket(self, name: str, preconditions: Preconditions = _NONE) -> Resource:
        """Return one bucket.

        Raises:
            NotFoundError: there is none of that name.
            ConditionNotMetError, NotChangedError: a precondition failed.
        """
        with self._lock:
            row = self._database.execute("select resource from buckets where name = ?", (name,)).fetchone()
        if row is None:
            raise NotFoundError(f"The specified bucket does not exist: {name}")
        bucket: Resource = json.loads(row[0])
        preconditions.check(bucket)
        return bucket

    def patch_bucket(self, name: str, fields: Resource, preconditions: Preconditions) -> Resource:
        """Merge `fields` into the bucket.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError: see `bucket`.
            UnsupportedError: a field has no effect here.
        """
        with self._lock, self._database:
            bucket = wire.patched_bucket(self.bucket(name, preconditions), fields)
            self._database.execute("update buckets set resource = ? where name = ?", (jsontext.text(bucket), name))
        return bucket

    def delete_bucket(self, name: str, preconditions: Preconditions) -> None:
        """Delete an empty bucket.

        Raises:
            ConflictError: there are objects in it.
            NotFoundError, ConditionNotMetError, NotChangedError: see `bucket`.
        """
        with self._lock, self._database:
            self.bucket(name, preconditions)
            if self._database.execute("select 1 from objects where bucket = ? limit 1", (name,)).fetchone():
                raise ConflictError(f"The bucket you tried to delete is not empty: {name}")
            self._database.execute("delete from buckets where name = ?", (name,))
            # Files put there by hand remain.
            with contextlib.suppress(OSError):
                (self.root / name).rmdir()

    # Objects

    @contextlib.contextmanager
    def staged(self) -> Iterator[Path]:
        """Yield a new file path for a content; `put` turns the file into an object. A file left over is removed."""
        file = self._folders.staging / uuid.uuid4().hex
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def put(
        self,
        bucket: str,
        name: str,
        content: Path,
        fields: Mapping[str, Any],
        preconditions: Preconditions = _NONE,
        *,
        upload_id: str | None = None,
    ) -> Resource:
        """Move the file `content` into place as the object's new generation; this completes upload `upload_id`.

        Raises:
            NotFoundError: there is no such bucket.
            ConditionNotMetError, NotChangedError: a precondition failed.
            InvalidError: the content differs from a checksum in `fields`.
        """
        digests = Digests.of(content)
        digests.check(fields)
        with self._lock:
            with self._database:
                self.bucket(bucket)
                row = self._row(bucket, name)
                preconditions.check(row and row[1])
                generation = self._next_generation()
                resource = wire.new_object(bucket, name, generation, digests, fields)
                path = row[0] if row else self._folders.place(bucket, name)
                content.replace(staged := self._folders.staging / str(generation))
                self._database.execute(
                    "insert or replace into objects values (?, ?, ?, ?, ?)",
                    (bucket, name, generation, path, jsontext.text(resource)),
                )
                if upload_id is not None:
                    self._database.execute(
                        "update uploads set resource = ? where id = ?", (jsontext.text(resource), upload_id)
                    )
            self._folders.settle(staged, path)
        return resource

    def get(
        self, bucket: str, name: str, preconditions: Preconditions = _NONE, generation: int | None = None
    ) -> Resource:
        """Return the live object's resource.

        Raises:
            NotFoundError: there is no such bucket, object or generation.
            ConditionNotMetError, NotChangedError: a precondition failed.
        """
        with self._lock:
            return self._live(bucket, name, preconditions, generation)[1]

    def open(
        self, bucket: str, name: str, preconditions: Preconditions = _NONE, generation: int | None = None
    ) -> tuple[Resource, BinaryIO]:
        """Return resource and content of one generation, unaffected by later writes.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError: see `get`.
        """
        with self._lock:
            path, resource = self._live(bucket, name, preconditions, generation)
            return resource, self._folders.file(path).open("rb")

    def patch(
        self,
        bucket: str,
        name: str,
        fields: Resource,
        preconditions: Preconditions,
        generation: int | None = None,
    ) -> Resource:
        """Merge `fields` into the object's metadata.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError: see `get`.
            UnsupportedError: a field has no effect here.
        """
        with self._lock, self._database:
            old = self._live(bucket, name, preconditions, generation)[1]
            resource = wire.patched_object(old, fields)
            self._database.execute(
                "update objects set resource = ? where bucket = ? and name = ?", (jsontext.text(resource), bucket, name)
            )
        return resource

    def delete(self, bucket: str, name: str, preconditions: Preconditions, generation: int | None = None) -> None:
        """Delete the live object.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError: see `get`.
        """
        with self._lock:
            with self._database:
                path, resource = self._live(bucket, name, preconditions, generation)
                self._folders.file(path).replace(staged := self._folders.staging / resource["generation"])
                self._database.execute("delete from objects where bucket = ? and name = ?", (bucket, name))
            staged.unlink()
            self._folders.tidy(path, bucket)

    def list(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        tells_folders: bool = False,
        limit: int = 1000,
        token: str = "",
        start: str = "",
        end: str = "",
    ) -> Page:
        """Return a page of the objects whose names lie in [`start`, `end`); see `listing.folded`.

        `token` is the token of the previous page.

        Raises:
            NotFoundError: there is no such bucket.
        """
        with self._lock:
            self.bucket(bucket)
            rows = self._names(bucket, max(prefix, token, start), prefix, end)
            return folded(
                rows, prefix=prefix, delimiter=delimiter, tells_folders=tells_folders, limit=limit, after=token
            )

    def _names(self, bucket: str, start: str, prefix: str, end: str) -> Iterator[tuple[str, str]]:
        rows = self._database.execute(
            "select name, resource from objects where bucket = ? and name >= ? order by name", (bucket, start)
        )
        for name, resource in rows:
            if not name.startswith(prefix) or (end and name >= end):
                return
            yield name, resource

    # Resumable uploads

    def begin_upload(self, bucket: str, name: str, fields: Resource, preconditions: Preconditions) -> str:
        """Start a resumable upload and return its id.

        Raises:
            NotFoundError: there is no such bucket.
            ConditionNotMetError, NotChangedError: a precondition failed.
        """
        upload_id = uuid.uuid4().hex
        conditions = [getattr(preconditions, field) for field in Preconditions.__slots__]
        with self._lock, self._database:
            self.bucket(bucket)
            row = self._row(bucket, name)
            preconditions.check(row and row[1])
            self._database.execute(
                "insert into uploads values (?, ?, ?, null)",
                (upload_id, time.time(), jsontext.text([bucket, name, fields, conditions])),
            )
        return upload_id

    def upload(self, upload_id: str) -> Upload:
        """Return a resumable upload.

        Raises:
            NotFoundError: there is none of that id.
        """
        with self._lock:
            row = self._database.execute("select request, resource from uploads where id = ?", (upload_id,)).fetchone()
        if row is None:
            raise NotFoundError(f"No such resumable upload: {upload_id}. Begin a new one.")
        bucket, name, fields, conditions = json.loads(row[0])
        resource = json.loads(row[1]) if row[1] else None
        file = self._folders.uploads / upload_id
        return Upload(upload_id, bucket, name, fields, Preconditions(*conditions), file, resource)

    def finish_upload(self, upload: Upload, told: Mapping[str, str]) -> Resource:
        """Create the object from the received bytes; `told` are the client's last checksums.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError, InvalidError: see `put`.
        """
        upload.file.touch()
        fields = {**upload.fields, **told}
        return self.put(upload.bucket, upload.name, upload.file, fields, upload.preconditions, upload_id=upload.id)

    def cancel_upload(self, upload: Upload) -> None:
        """Delete the upload and its bytes."""
        with self._lock, self._database:
            self._database.execute("delete from uploads where id = ?", (upload.id,))
        upload.file.unlink(missing_ok=True)

    # Rows

    def _row(self, bucket: str, name: str) -> tuple[str, Resource] | None:
        row = self._database.execute(
            "select path, resource from objects where bucket = ? and name = ?", (bucket, name)
        ).fetchone()
        return row and (row[0], json.loads(row[1]))

    def _live(
        self, bucket: str, name: str, preconditions: Preconditions, generation: int | None
    ) -> tuple[str, Resource]:
        self.bucket(bucket)
        row = self._row(bucket, name)
        if row is None or generation not in {None, int(row[1]["generation"])}:
            raise NotFoundError(f"No such object: {bucket}/{name}" + (f"#{generation}" if generation else ""))
        preconditions.check(row[1])
        return row

    def _next_generation(self) -> int:
        """Return microseconds since 1970, like Google's, but always above the last one, even if the clock goes back."""
        last: int = self._database.execute("select generation from clock").fetchone()[0]
        generation = max(time.time_ns() // 1000, last + 1)
        self._database.execute("update clock set generation = ?", (generation,))
        return generation
