"""The folders of a store: an object's content is a file of its name, where the name can be a file's."""

from hashlib import sha256
from itertools import islice
from pathlib import Path


class Folders:
    """The folders below a state, made if they do not exist.

    buckets   BUCKET/OBJECT is an object's content
    apart     contents whose names cannot be files there
    staging   contents on their way in or out
    uploads   the bytes that resumable uploads have received
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self.buckets, self._apart = state / "buckets", state / "apart"
        self.staging, self.uploads = state / "staging", state / "uploads"
        for folder in (self.buckets, self._apart, self.staging, self.uploads):
            folder.mkdir(parents=True, exist_ok=True)

    def place(self, bucket: str, name: str) -> str:
        """Return the content's path relative to the state: the object's name if it can be the name of a new file."""
        parts = name.split("/")
        ordinary = all(part not in {"", ".", ".."} and len(part.encode()) <= 255 for part in parts)
        file = self.buckets.joinpath(bucket, *parts) if ordinary else self.buckets
        if not ordinary or file.exists() or any(parent.is_file() for parent in islice(file.parents, len(parts) - 1)):
            file = self._apart / sha256(f"{bucket}/{name}".encode()).hexdigest()
        return str(file.relative_to(self._state))

    def file(self, path: str) -> Path:
        """Return the file at a path relative to the state."""
        return self._state / path

    def settle(self, staged: Path, path: str) -> None:
        """Move a staged file to its path."""
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(file)

    def tidy(self, path: str, bucket: str) -> None:
        """Remove the folders in the bucket that are empty without the file that was at the path."""
        for folder in self.file(path).parents:
            if folder == self.buckets / bucket or not _remove_if_empty(folder):
                break


def _remove_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
