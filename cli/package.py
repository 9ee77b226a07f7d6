"""The bundles from which Google Cloud builds functions. The same tree gives the same bytes, on any machine.

There is one bundle for each file of requirements/. The bundle holds the requirements file, the functions that name this
file, and all modules and statements that these functions can reach. So a change of any other file does not redeploy
these functions.
"""

import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cli import declarations
from cli.declarations import HOME, ROOT
from cli.errors import CommandError, UsageError
from cli.imports import Imports

# The folder in which Terraform looks for bundles.
OUTPUT = HOME / "dist"
FUNCTIONS = "functions/functions.yaml"
# Data files that a module reads at run time, by module. A bundle that holds such a module also holds the module's data
# files.
READ = {
    "shared/settings.py": "sql/models/*.sql",
    "shared/warehouse.py": "sql/**/*.sql",
    "shared/erasure/persons.py": "shared/erasure/persons.json",
    "shared/messages/rendering.py": "shared/messages/templates/*",
    "shared/report/page.py": "shared/report/templates/*",
}
# The declarations of tables and views. Terraform reads them, but no function does. So bundles leave them out.
DECLARED = Path("sql/tables")
# Values that all zip entries get: the oldest time that a zip file can hold, the system Unix, and the mode of a plain
# file.
OLDEST = (1980, 1, 1, 0, 0, 0)
UNIX = 3
PLAIN_FILE = 0o100644


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written: its number of files and its size in bytes.

    Terraform uses the hash `sha256` as the bundle's name in the bucket.
    """

    path: Path
    files: int
    size: int
    sha256: str


def contents(root: Path = ROOT) -> dict[str, dict[str, Path]]:
    """Return the files of each bundle, by the name of its requirements file.

    The files of a bundle are a mapping from the name in the bundle to the path below the root.

    Raises:
        CommandError: a file is missing that a function needs to be built or to start.
    """
    if not (root / FUNCTIONS).is_file():
        raise _incomplete(root, [FUNCTIONS])
    declared = declarations.read(root).functions
    functions: dict[str, list[str]] = defaultdict(list)
    for function, one in declared.items():
        functions[one.requirements].append(f"functions.{function}")
    imports = Imports(root, ["main", *chain.from_iterable(functions.values())])
    return {name: _content(name, *imports.reached(["main", *functions[name]]), root) for name in sorted(functions)}


def _content(name: str, modules: Iterable[Path], lacking: Iterable[str], root: Path) -> dict[str, Path]:
    requirements = Path("requirements", f"{name}.txt")
    missing = [f"a module {one} that compiles" for one in lacking]
    files = {"requirements.txt": requirements} | {path.as_posix(): path for path in modules}
    for pattern in [pattern for module, pattern in READ.items() if module in files]:
        paths = [path.relative_to(root) for path in root.glob(pattern) if root / DECLARED not in path.parents]
        files |= {path.as_posix(): path for path in paths}
        missing += [] if paths else [pattern]
    missing += [] if (root / requirements).is_file() else [str(requirements)]
    if missing:
        raise _incomplete(root, missing)
    return dict(sorted(files.items()))


def _incomplete(root: Path, missing: list[str]) -> CommandError:
    return CommandError(f"{root} lacks {', '.join(missing)}: package from a whole checkout of the project")


def _require_place(output: Path) -> None:
    nearest = next(place for place in (output, *output.parents) if place.exists())
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file: name a folder to write to, e.g. {OUTPUT.name}")


def write(output: Path, root: Path = ROOT) -> list[Bundle]:
    """Write the bundles into the folder `output`.

    A bundle's bytes do not depend on the files' times, modes or order on the disk.

    Raises:
        CommandError: a file is missing that a function needs.
        UsageError: `output` cannot be created as a folder.
    """
    _require_place(output)
    bundles = contents(root)
    output.mkdir(parents=True, exist_ok=True)
    return [_write(output / f"{name}.zip", files, root) for name, files in bundles.items()]


def _write(path: Path, files: dict[str, Path], root: Path) -> Bundle:
    # Files are stored without compression, because versions of zlib compress differently.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as bundle:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, OLDEST)
            entry.create_system = UNIX
            entry.external_attr = PLAIN_FILE << 16
            bundle.writestr(entry, (root / file).read_bytes())
    written = path.read_bytes()
    return Bundle(path, len(files), len(written), hashlib.sha256(written).hexdigest())
