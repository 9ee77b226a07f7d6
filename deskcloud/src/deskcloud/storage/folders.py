"""The folders of a store. The content of an object is a file with the object's name, if a file can have this name."""

from hashlib import sha256
from itertools import islice
from pathlib import Path


class Folders:
    """The folders below the folder `state`. They are created if they do not exist.

    buckets   BUCKET/OBJECT is an object's content
    apart     contents of objects whose names cannot be file names
    staging   contents that are being written or deleted
    uploads   the bytes that resumable uploads have received
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self.buckets, self._apart = state / "buckets", state / "apart"
        self.staging, self.uploads = state / "staging", state / "uploads"
        for folder in (self.buckets, self._apart, self.staging, self.uploads):
            folder.mkdir(parents=True, exist_ok=True)

    def place(self, bucket: str, name: str) -> str:
        """Return the path for the content of a new object, relative to the state folder.

        The path contains the object's name if a new file can have this name, and a hash of the name otherwise.
        """
        parts = name.split("/")
        ordinary = all(part not in {"", ".", ".."} and len(part.encode()) <= 255 for part in parts)
        file = self.buckets.joinpath(bucket, *parts) if ordinary else self.buckets
        if not ordinary or file.exists() or any(parent.is_file() for parent in islice(file.parents, len(parts) - 1)):
            file = self._apart / sha256(f"{bucket}/{name}".encode()).hexdigest()
        return str(file.relative_to(self._state))

    def file(self, path: str) -> Path:
        """Return the absolute path of `path`, which is relative to the state folder."""
        return self._state / path

    def settle(self, staged: Path, path: str) -> None:
        """Move the file `staged` to `path`, which is relative to the state folder."""
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(file)

    def tidy(self, path: str, bucket: str) -> None:
        """Remove the bucket's folders that have become empty because the file at `path` was deleted."""
        for folder in self.file(path).parents:
            if folder == self.buckets / bucket or not _remove_if_empty(folder):
                break


def _remove_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
