"""The types and checks of the commands' options.

A wrong value ends the command with exit code 2 and a one-line message that names the value.
"""

import math
import re
from collections.abc import Callable
from datetime import date
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
    typer.Option(help="Folder in which the local cloud keeps its state.", show_default=".state/local"),
]
# Vertex AI numbers versions from 1.
_VERSION = re.compile(r"[1-9][0-9]*")
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Choice(StrEnum):
    """How `up` chooses the ports for which no option is given."""

    FIXED = "fixed"
    FREE = "free"


class Channel(StrEnum):
    """The channel of a campaign."""

    ADS = "ads"
    EMAIL = "email"


def run_id(text: str) -> str:
    """Return a run's id unchanged.

    Raises:
        typer.BadParameter: the text is not a run's id.
    """
    if not RUN_ID.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not of the form YYYYMMDD-xxxxxxxx; `propensity runs` lists the runs")
    return text


def version(text: str) -> str:
    """Return a version's number unchanged.

    Raises:
        typer.BadParameter: the text is not a version's number.
    """
    if not _VERSION.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not a version's number: 1, 2, 3 and so on")
    return text


def day(text: str) -> date:
    """Return the day of a text in the form YYYY-MM-DD.

    Raises:
        typer.BadParameter: the text is not a day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day: write it as 2017-08-01") from None


def amount(about: str, least: float = 0, most: float = 10**9) -> Any:
    """Return an option for a finite number from `least` to `most`; `about` is its help text."""
    return _number(float, "a number", about, least, most)


def count(about: str, least: int = 0, most: int = 10**9, metavar: str | None = None) -> Any:
    """Return an option for a whole number from `least` to `most`; `about` is its help text."""
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
    """Return an option for a port number from 0 to 65535; 0 means a free port."""
    return count(about, most=65535, metavar="PORT")


def require_folder(file: Path | None) -> None:
    """Check that `file` can be written.

    A long command calls this function first, because the command writes the file only at its end.

    If `file` is None, there is nothing to check.

    Raises:
        UsageError: the file is a folder, or its folder does not exist.
    """
    if file and file.is_dir():
        raise UsageError(f"{file} is a folder: name the file to write, e.g. {file / 'result'}")
    if file and not file.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written: the folder {file.parent} does not exist")


def require_state(state: Path | None) -> None:
    """Check that `state` is a folder, or that a folder can be created there. None means the default folder.

    Raises:
        UsageError: the path, or a part of it, is a file.
    """
    for place in (state, *state.absolute().parents) if state else ():
        if place.exists() and not place.is_dir():
            raise UsageError(f"--state {state}: {place} is a file; name a folder, which is created if necessary")
