"""Build a bundle as Google Cloud does: alone, in an environment with only its requirements."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cli import package


@dataclass(frozen=True)
class Built:
    """The bundle's main.py, and the folder of the programs that its requirements install."""

    main: Path
    programs: Path


def build(name: str, folder: Path) -> Built:
    """Write the bundle, and install what it requires, both below the folder."""
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
