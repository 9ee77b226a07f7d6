"""Store buckets and objects on disk. The objects' contents are plain files, and all other data are in SQLite.

The following order of steps makes a change of files and SQLite atomic:

    write    staged file -> staging/GENERATION -> commit the row -> rename into place
    delete   file -> staging/GENERATION -> commit the row's removal -> unlink

A crash can leave files in staging/. At the next start, a staged file is moved to the path in the row of its generation.
A staged file without such a row is deleted.
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

_UPLOAD_SECONDS = 7 * 24 * 3600  # a resumable upload expires after a week, as on Google Cloud
_NONE = Preconditions()


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload.

    `fields` are the object's metadata, and `file` contains the bytes received so far. `resource` is the object's
    resource, or None until the upload is finished.
    """

    id: str
    bucket: str
    name: str
    fields: Resource
    preconditions: Preconditions
    file: Path
    resource: Resource | None


class Store:
    """The buckets and objects of the local Cloud Storage. Threads can share a store, but only one process can open it.

    The file `root`/BUCKET/OBJECT is an object's content. Some names cannot be file names, e.g. a name that ends in a
    slash, or `a` if an object `a/b` exists. The contents of such objects are in another folder, and clients reach them
    only through the API.
    """

    def __init__(self, state: Path) -> None:
        """Open the store in the folder `state`. Create the store if it does not exist, or repair it after a crash.

        Raises:
            RuntimeError: another process uses the store.
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

    # Methods for buckets

    def create_bucket(self, project: str, fields: Resource) -> Resource:
        """Create a bucket.

        Raises:
            ConflictError: a bucket of that name exists.
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
        """Return the project's buckets whose names begin with `prefix`, sorted by name."""
        with self._lock:
            rows = self._database.execute(
                "select resource from buckets where project = ? order by name", (project,)
            ).fetchall()
        found: list[Resource] = [json.loads(row[0]) for row in rows]
        return [bucket for bucket in found if bucket["name"].startswith(prefix)]

    def bucket(self, name: str, preconditions: Preconditions = _NONE) -> Resource:
        """Return the resource of the bucket `name`.

        Raises:
            NotFoundError: no bucket has that name.
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
        """Merge `fields` into the bucket's resource and return the result.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError: see `bucket`.
            UnsupportedError: a field is not implemented.
        """
        with self._lock, self._database:
            bucket = wire.patched_bucket(self.bucket(name, preconditions), fields)
            self._database.execute("update buckets set resource = ? where name = ?", (jsontext.text(bucket), name))
        return bucket

    def delete_bucket(self, name: str, preconditions: Preconditions) -> None:
        """Delete an empty bucket.

        Raises:
            ConflictError: the bucket contains objects.
            NotFoundError, ConditionNotMetError, NotChangedError: see `bucket`.
        """
        with self._lock, self._database:
            self.bucket(name, preconditions)
            if self._database.execute("select 1 from objects where bucket = ? limit 1", (name,)).fetchone():
                raise ConflictError(f"The bucket you tried to delete is not empty: {name}")
            self._database.execute("delete from buckets where name = ?", (name,))
            # If the bucket's folder contains files that are not objects, rmdir fails and the folder remains.
            with contextlib.suppress(OSError):
                (self.root / name).rmdir()

    # Methods for objects

    @contextlib.contextmanager
    def staged(self) -> Iterator[Path]:
        """Yield the path of a temporary file. Delete the file at the end, unless `put` has made the file an object."""
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
        """Make the file `content` the object's new generation, and return the object's resource.

        If `upload_id` is given, also mark the resumable upload with this id as finished.

        Raises:
            NotFoundError: the bucket does not exist.
            ConditionNotMetError, NotChangedError: a precondition failed.
            InvalidError: a checksum in `fields` is not the checksum of the content.
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
        """Return the object's resource.

        Raises:
            NotFoundError: the bucket, object or generation does not exist.
            ConditionNotMetError, NotChangedError: a precondition failed.
        """
        with self._lock:
            return self._live(bucket, name, preconditions, generation)[1]

    def open(
        self, bucket: str, name: str, preconditions: Preconditions = _NONE, generation: int | None = None
    ) -> tuple[Resource, BinaryIO]:
        """Return the object's resource, and an open file with the content. Later writes do not change this file.

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
        """Merge `fields` into the object's metadata and return the object's resource.

        Raises:
            NotFoundError, ConditionNotMetError, NotChangedError: see `get`.
            UnsupportedError: a field is not implemented.
        """
        with self._lock, self._database:
            old = self._live(bucket, name, preconditions, generation)[1]
            resource = wire.patched_object(old, fields)
            self._database.execute(
                "update objects set resource = ? where bucket = ? and name = ?", (jsontext.text(resource), bucket, name)
            )
        return resource

    def delete(self, bucket: str, name: str, preconditions: Preconditions, generation: int | None = None) -> None:
        """Delete the object.

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
        """Return a page of the objects whose names are at least `start` and, if `end` is not empty, less than `end`.

        `listing.folded` explains the other arguments. `token` is `Page.token` of the previous page.

        Raises:
            NotFoundError: the bucket does not exist.
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

    # Methods for resumable uploads

    def begin_upload(self, bucket: str, name: str, fields: Resource, preconditions: Preconditions) -> str:
        """Start a resumable upload and return its id.

        Raises:
            NotFoundError: the bucket does not exist.
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
        """Return the resumable upload with the id `upload_id`.

        Raises:
            NotFoundError: no upload has that id.
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
        """Create the object from the received bytes. `told` are the checksums in the client's last request, if any.

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

    # Methods that read rows of the SQLite database

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
        """Return the microseconds since 1970, or the last generation plus 1 if the clock was set back."""
        last: int = self._database.execute("select generation from clock").fetchone()[0]
        generation = max(time.time_ns() // 1000, last + 1)
        self._database.execute("update clock set generation = ?", (generation,))
        return generation
