"""The columns of our tables that hold ids of people: rows with these ids are deleted when the person is erased.

The field `person` in sql/tables declares these columns. scripts/regenerate.py writes them to persons.json, because the
functions have no YAML parser.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from shared import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

type Kind = Literal["visitor", "customer", "user", "order"]

# Path relative to the project's root.
FILE = Path("shared") / "erasure" / "persons.json"
# A person's rows of these tables are needed until the destinations have confirmed the removal of the person.
UNTIL_REMOVED = ("destination_changes", "destination_members")


class PersonColumn(NamedTuple):
    """A column of a table that holds ids of people of one kind."""

    table: str
    column: str
    kind: Kind


def columns() -> list[PersonColumn]:
    """Return all columns that hold ids of people."""
    declared = msgspec.json.decode((Path(__file__).parents[2] / FILE).read_bytes(), type=dict[str, dict[str, Kind]])
    return [PersonColumn(table, column, kind) for table, one in declared.items() for column, kind in one.items()]


def content(declared: Mapping[str, Mapping[str, Kind]]) -> bytes:
    """Return the content of persons.json for the declared columns."""
    return jsontext.encode(declared, 1) + b"\n"
