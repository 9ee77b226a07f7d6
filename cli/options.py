"""What the commands' options have in common: their types, their ranges, and what is refused at once.

What is wrong with a value ends the command with 2 and one line that names it.
"""

import math
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import UsageError
from shared.events import RUN_ID

Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, e.g. gate.min_positives=1.")
]
StateFolder = Annotated[
    Path,
    typer.Option(help="Folder that keeps the local cloud over a restart.", show_default=".state/local"),
]
# As Vertex AI counts them.
_VERSION = re.compile(r"[1-9][0-9]*")
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it for machines.")]


class Choice(StrEnum):
    """How `up` chooses the ports that no flag names."""

    FIXED = "fixed"
    FREE = "free"


def run_id(text: str) -> str:
    """Return a run's id as it was given; refuse what cannot be one."""
    if not RUN_ID.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not of the form YYYYMMDD-xxxxxxxx, as `propensity runs` names runs")
    return text


def version(text: str) -> str:
    """Return a version's number as it was given; refuse what cannot be one."""
    if not _VERSION.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no version's number: that is 1, 2, 3 and so on")
    return text


def amount(about: str, least: float = 0, most: float = 10**9) -> Any:
    """Return an option for a number in that range, in which neither nan nor inf is."""
    return _number(float, "a number", about, least, most)


def count(about: str, least: int = 0, most: int = 10**9, metavar: str | None = None) -> Any:
    """Return an option for a whole number in that range."""
    return _number(int, "a whole number", about, least, most, metavar)


def _number(
    kind: Callable[[Any], float], called: str, about: str, least: float, most: float, metavar: str | None = None
) -> Any:
    def parse(text: float | str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise typer.BadParameter(f"{text} is not {called} from {least:,.0f} to {most:,.0f}")
        return number

    return typer.Option(parser=parse, min=least, max=most, help=about, metavar=metavar)


def port(about: str) -> Any:
    """Return an option for a port; 0 is a free one."""
    return count(about, most=65535, metavar="PORT")


def require_folder(file: Path | None) -> None:
    """Refuse at once a file that could not be written at the end."""
    if file and file.is_dir():
        raise UsageError(f"{file} is a folder: name the file to write, e.g. {file / 'result'}")
    if file and not file.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written: there is no folder {file.parent}")


def require_state(state: Path | None) -> None:
    """Refuse what can be no folder."""
    for place in (state, *state.absolute().parents) if state else ():
        if place.exists() and not place.is_dir():
            raise UsageError(f"--state {state}: {place} is a file; name a folder, which is made where there is none")
