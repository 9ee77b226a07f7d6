"""Unpack a bundle and install only its requirements, as Google Cloud does when it builds a function."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cli import package


@dataclass(frozen=True)
class Built:
    """A bundle that was built: its file main.py, and the folder with the programs of the installed packages."""

    main: Path
    programs: Path


def build(name: str, folder: Path) -> Built:
    """Unpack the bundle `name` and install its requirements, both below `folder`."""
    source, environment = folder / name, folder / "environment"
    package.write(folder)
    with zipfile.ZipFile(folder / f"{name}.zip") as bundle:
        bundle.extractall(source)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install: list[str | Path] = [
        environment / "bin" / "pip",
        "install",
        "--quiet",
        "--requirement",
        source / "requirements.txt",
    ]
    subprocess.run(install, check=True)
    return Built(source / "main.py", environment / "bin")
