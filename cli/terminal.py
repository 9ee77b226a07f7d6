"""The consoles on which commands print. In a terminal they wrap long lines; in a pipe they do not."""

import sys
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.table import Column, Table

from shared import jsontext

# Assumed size of a pipe: wide enough that no line is wrapped or truncated.
_PIPE = ConsoleDimensions(100_000, 100)


class Output(Console):
    """A console that does not wrap lines in a pipe, even if the environment sets COLUMNS."""

    def __init__(self, *, width: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._width = width

    @property
    def size(self) -> ConsoleDimensions:
        """The size in columns and lines. If the output is not a terminal, it is _PIPE."""
        return super().size if self.is_terminal or self._width is not None else _PIPE

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


out = Output()
err = Output(stderr=True)


def table(*titles: str, **options: Any) -> Table:
    """Return a table that wraps long cells instead of truncating them."""
    return Table(*(Column(title, overflow="fold") for title in titles), title_justify="left", **options)


def grid() -> Table:
    """Return a table of three columns without borders and titles. The last two columns wrap long texts."""
    return Table.grid(Column(no_wrap=True), Column(overflow="fold"), Column(overflow="fold"), padding=(0, 2))


def print_json(document: Any) -> None:
    """Print a document as indented JSON to standard output."""
    sys.stdout.write(jsontext.text(document, indent=1) + "\n")
