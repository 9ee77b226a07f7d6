"""The bundle that Google Cloud builds every function from: the same tree gives the same bytes, on any machine."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cli import declarations
from cli.declarations import HOME, ROOT
from cli.errors import CommandError, UsageError

# Where Terraform looks for it.
OUTPUT = HOME / "dist" / "functions.zip"
FUNCTIONS = "functions/functions.yaml"
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
        CommandError: something is missing without which no function could be built, or one could not start.
    """
    found = {
        pattern: [path for path in root.glob(pattern) if root / DECLARED not in path.parents] for pattern in CONTENT
    }
    missing = [pattern for pattern, paths in found.items() if not paths]
    if not (root / FUNCTIONS).is_file():
        missing.append(FUNCTIONS)
    if not missing:
        modules = [f"functions/{name}.py" for name in declarations.read(root).functions]
        missing = [module for module in modules if not (root / module).is_file()]
    if missing:
        raise CommandError(f"{root} lacks {', '.join(missing)}: package from a whole checkout of the project")
    return sorted(path.relative_to(root) for paths in found.values() for path in paths)


def _require_place(output: Path) -> None:
    if output.is_dir():
        raise UsageError(f"{output} is a folder: name the file to write, e.g. {output / OUTPUT.name}")
    nearest = next(place for place in output.parents if place.exists())
    if not nearest.is_dir():
        raise UsageError(f"{output} cannot be written: {nearest} is a file; name one in a folder, e.g. {OUTPUT.name}")


def write(output: Path, root: Path = ROOT) -> Bundle:
    """Write the bundle; times, modes and the order of the disk leave no trace in it.

    Raises:
        CommandError: the project is not whole.
        UsageError: there can be no such file.
    """
    paths = content(root)
    _require_place(output)
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
