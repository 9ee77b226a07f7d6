"""What commands print on: as wide as a terminal is, or as wide as a pipe needs."""

import sys
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.table import Column, Table

from shared import jsontext

# Whoever reads a pipe wants every word, so no line is broken or cut off.
_PIPE = ConsoleDimensions(100_000, 100)


class Output(Console):
    """A console on which a pipe is wide enough for everything, whatever COLUMNS says of some terminal."""

    def __init__(self, *, width: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._width = width

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        return super().size if self.is_terminal or self._width is not None else _PIPE

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


def table(*titles: str, **options: Any) -> Table:
    """Return a table that breaks what is too long for a terminal, and cuts nothing off."""
    return Table(*(Column(title, overflow="fold") for title in titles), title_justify="left", **options)


def grid() -> Table:
    """Return a table without lines and titles; its last column takes the long texts."""
    return Table.grid(Column(no_wrap=True), Column(overflow="fold"), Column(overflow="fold"), padding=(0, 2))


def print_json(document: Any) -> None:
    """Print a document for machines."""
    sys.stdout.write(jsontext.text(document, indent=1) + "\n")
