"""Read GoogleSQL's compliance cases (https://github.com/google/googlesql, googlesql/compliance/testdata).

Lines of `==` separate the cases of a file. A case consists of options in brackets, a statement, a line of `--` and the
expected result. Types that BigQuery does not have are replaced: INT32 by INT64, DOUBLE by FLOAT64.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deskcloud.googlesql.tokens import UnterminatedError, closing, tokenize, unquoted

_CASE, _RESULT = re.compile(r"^==\s*$", re.MULTILINE), re.compile(r"^--\s*$", re.MULTILINE)
_SPACE = re.compile(r"(?:\s+|#[^\n]*)*")
_TABLE = re.compile(r"(?is)create\s+(?:temp\s+)?table\s+`?(\w+)`?\s+as\s+(.*)$")
_TYPES = dict.fromkeys(("INT32", "UINT32", "UINT64"), "INT64") | dict.fromkeys(
    ("DOUBLE", "FLOAT", "FLOAT32"), "FLOAT64"
)
_QUERIES = {"SELECT", "WITH", "FROM", "("}
_CHANGES = {"INSERT", "UPDATE", "DELETE"}


@dataclass(frozen=True)
class Case:
    """A statement of a case file. `tables` has the names of the file's tables that occur in the statement."""

    name: str
    sql: str
    tables: tuple[str, ...] = ()
    parameters: str = ""
    """A select list that defines the parameters, e.g. `1 as x`. It is empty if the statement has no parameters."""
    features: frozenset[str] = frozenset()
    """GoogleSQL's names of the features that the case requires."""
    is_ordered: bool = False
    has_open_arrays: bool = False
    """Whether an array in the result has no defined order."""
    is_open: bool = False
    """Whether the reference implementation is not deterministic for this case."""

    @property
    def kind(self) -> str:
        """Return "query", "change" for INSERT, UPDATE and DELETE, or "" for any other statement."""
        try:
            first = next(iter(tokenize(self.sql)), None)
        except UnterminatedError:
            return ""
        word = first.word if first else ""
        return "query" if word in _QUERIES else "change" if word in _CHANGES else ""

    @property
    def target(self) -> str:
        """The table that INSERT, UPDATE or DELETE changes, spelled as in `tables`, or "" if `tables` lacks it."""
        names = {name.casefold(): name for name in self.tables}
        found = (names.get(unquoted(token).casefold()) for token in tokenize(self.sql))
        return next((name for name in found if name), "")


@dataclass(frozen=True)
class File:
    """The cases of a file. `tables` maps a table's name to the query that returns the table's rows."""

    name: str
    tables: Mapping[str, str]
    cases: Sequence[Case]


def files(testdata: Path) -> Iterator[File]:
    """Yield the parsed `*.test` files of a folder, sorted by name."""
    for path in sorted(testdata.glob("*.test")):
        yield read(path.name, path.read_text())


def read(name: str, text: str) -> File:
    """Parse `text`, the content of the file `name`. Parts without a statement are skipped."""
    tables: dict[str, str] = {}
    read: list[Case] = []
    defaults: frozenset[str] = frozenset()
    for part in _CASE.split(text):
        given, *result = _RESULT.split(part, maxsplit=1)
        options, sql = _options(given)
        if "default required_features" in options:
            defaults = _features(options["default required_features"])
        sql = _with_bigquerys_types(sql.rstrip().removesuffix(";"))
        if sql and "prepare_database" in options:
            tables |= _made(sql)
        elif sql:
            read.append(
                Case(
                    options.get("name", ""),
                    sql,
                    _used(sql, tables),
                    _with_bigquerys_types(options.get("parameters", "")),
                    defaults | _features(options.get("required_features", "")),
                    **_order("".join(result)),
                )
            )
    return File(name, tables, read)


def _options(text: str) -> tuple[dict[str, str], str]:
    """Return the options before a statement, and the statement."""
    options: dict[str, str] = {}
    start = _start(text, 0)
    while text.startswith("[", start):
        end = _end(text, start)
        name, _, value = text[start + 1 : end - 1].partition("=")
        options[name.strip()] = value.strip()
        start = _start(text, end)
    return options, text[start:].strip()


def _start(text: str, position: int) -> int:
    """Return the offset of the first character after spaces and comments."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _end(text: str, start: int) -> int:
    """Return the offset after the bracket that closes the bracket at `start`."""
    with contextlib.suppress(UnterminatedError):
        tokens = tokenize(text[start:])
        if (index := closing(tokens, 0)) < len(tokens):
            return start + tokens[index].end
    # A label or a comment may contain a single quote that opens no string. Then the option ends at the end of its line.
    line = text.find("]\n", start)
    return len(text) if line < 0 else line + 1


def _features(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _made(sql: str) -> dict[str, str]:
    made = _TABLE.match(sql)
    return {made[1]: made[2]} if made else {}


def _used(sql: str, tables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in `tables` that occur in a statement."""
    return tuple(name for name in tables if re.search(rf"(?i)(?<![\w@.]){re.escape(name)}\b", sql))


def _with_bigquerys_types(sql: str) -> str:
    with contextlib.suppress(UnterminatedError):
        for token in reversed(tokenize(sql)):
            if token.word in _TYPES:
                sql = f"{sql[: token.start]}{_TYPES[token.word]}{sql[token.end :]}"
    return sql


def _order(result: str) -> dict[str, bool]:
    """Read three facts from an expected result: are rows ordered, are arrays unordered, and can the result vary?"""
    head, _, rows = result.partition("{")
    return {
        "is_ordered": "[known order:" in head,
        "has_open_arrays": "[unknown order:" in rows,
        "is_open": "Reference implementation reports non-determinism" in rows,
    }
