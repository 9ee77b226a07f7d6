"""The bundle that Google Cloud builds every function from: the same tree gives the same bytes, on any machine."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What runs, and nothing else: a change of anything else then redeploys nothing.
CONTENT = ("main.py", "requirements.txt", "functions/*.py", "shared/**/*.py", "sql/**/*.sql")
# Views are made by whoever makes the tables; no function reads these.
DECLARED = Path("sql/tables")
OLDEST = (1980, 1, 1, 0, 0, 0)
UNIX = 3
PLAIN_FILE = 0o100644


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written; `sha256` is what Terraform names it by in the bucket."""

    path: Path
    files: int
    size: int
    sha256: str


def content(root: Path = ROOT) -> list[Path]:
    """Return what belongs into the bundle, relative to the root, in order.

    Raises:
        FileNotFoundError: the root is not the project's folder.
    """
    if not (root / "main.py").is_file():
        raise FileNotFoundError(f"{root} holds no main.py: package from a checkout of the project")
    found = {path.relative_to(root) for pattern in CONTENT for path in root.glob(pattern)}
    return sorted(path for path in found if DECLARED not in path.parents)


def write(output: Path, root: Path = ROOT) -> Bundle:
    """Write the bundle; times, modes and the order of the disk leave no trace in it.

    Raises:
        FileNotFoundError: the root is not the project's folder.
    """
    paths = content(root)
    output.parent.mkdir(parents=True, exist_ok=True)
    # Stored, not compressed: two versions of zlib do not compress alike.
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as bundle:
        for path in paths:
            entry = zipfile.ZipInfo(path.as_posix(), OLDEST)
            entry.create_system = UNIX
            entry.external_attr = PLAIN_FILE << 16
            bundle.writestr(entry, (root / path).read_bytes())
    written = output.read_bytes()
    return Bundle(output, len(paths), len(written), hashlib.sha256(written).hexdigest())
