"""Rewrite a statement that calls ML functions into a statement that the emulator can run.

Inner calls are computed before outer calls, and earlier calls before later ones. Each result is written to a Parquet
file. In the statement, a table function that reads this file replaces the ML call. So the result needs no table.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Self

from deskcloud.bigquery.gateway import ml_functions
from deskcloud.bigquery.gateway.work import Work
from deskcloud.googlesql.statements import Definition, Statement, definitions, ml_calls

if TYPE_CHECKING:
    from pathlib import Path


class Rewriting:
    """A statement in which each ML call is replaced by a call that reads the ML function's result from a file.

    The end of the context deletes the files.
    """

    def __init__(self, work: Work, statement: Statement) -> None:
        self._work = work
        self._statement = statement
        self._replacements: list[tuple[int, int, str]] = []
        self._files: list[Path] = []

    def __enter__(self) -> Self:
        known = definitions(self._statement.tokens)
        try:
            for call in ml_calls(self._statement.tokens):
                visible = [d for d in known if d.clause < call.start and d.start <= call.start < d.end]
                table = ml_functions.compute(self._work, call, self.render, partial(self._with, visible))
                file, rows = self._work.services.emulator.keep(table)
                self._files.append(file)
                self.replace(call.start, call.end, rows)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)

    @property
    def text(self) -> str:
        """Return the statement, in which each ML call is replaced."""
        return self.render(self._statement.tokens[0].start, self._statement.tokens[-1].end)

    def render(self, start: int, end: int) -> str:
        """Return the text between two offsets, in which the calls are replaced."""
        parts, position = [], start
        for first, last, text in sorted(self._replacements):
            if start <= first and last <= end:
                parts += [self._statement.text[position:first], text]
                position = last
        return "".join([*parts, self._statement.text[position:end]])

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace the text between two offsets by `text`."""
        inside = [r for r in self._replacements if start <= r[0] and r[1] <= end]
        self._replacements = [r for r in self._replacements if r not in inside]
        self._replacements.append((start, end, text))

    def _with(self, visible: Sequence[Definition], query: str) -> str:
        """Prepend the WITH clauses that are visible at an ML call to `query`, the outermost clause first."""
        for clause in sorted({d.clause for d in visible}, reverse=True):
            same = [d for d in visible if d.clause == clause]
            names = ", ".join(self.render(d.first.start, d.last.end) for d in same)
            query = f"WITH {'RECURSIVE ' * same[0].is_recursive}{names} SELECT * FROM ({query}\n)"  # noqa: S608 - the client's own SQL
        return query
