"""Read the test cases of statements from YAML files. A case has given rows and expected rows.

    row:           default values for the rows of each table, by the table's name; for day-tables, by its prefix
    parameters:    the statement's parameters in all cases of the file
    identifiers:   the statement's identifiers in all cases of the file
    cases:
      - name:        a sentence that says what the case shows
        given:       the rows of each table before the statement runs
        parameters:  additional parameters in this case
        expect:      the rows that the statement returns
        then:        the rows of tables after the statement has run; a second run must leave the same rows

Whole rows are compared, in any order, and floats to nine digits. In `then`, a column that is not named must be NULL.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rows import canonical
from warehouse import Warehouse, check_names

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    statement: str
    name: str
    row: dict[str, dict]
    given: dict[str, list[dict]]
    parameters: dict[str, Any]
    identifiers: dict[str, str]
    expect: list[dict] | None
    then: dict[str, list[dict]] | None

    def check(self, warehouse: Warehouse) -> None:
        warehouse.fill({table: self.rows(table, rows) for table, rows in self.given.items()})
        for run in (warehouse.run,) if self.then is None else (warehouse.run, warehouse.run_here):
            found = run(self.statement, self.parameters, **self.identifiers)
            if self.expect is not None:
                assert canonical(found) == canonical(self.rows("expect", self.expect))
            for table, rows in (self.then or {}).items():
                expected = self.rows(table, rows)
                nothing = {column.name: None for column in warehouse.schemas[table]}
                for row in expected:
                    check_names(row, warehouse.schemas[table], table)
                assert canonical(warehouse.rows(table)) == canonical([nothing | row for row in expected])

    def rows(self, table: str, rows: list[dict]) -> list[dict]:
        """Return the rows with the default values of `table`. Those of day-tables are stored under the prefix."""
        prefix = table.rstrip("0123456789")
        return [merged(self.row.get(prefix, {}), row) for row in rows]


@cache
def read() -> list[Case]:
    return [case for path in sorted(HERE.rglob("*.yaml")) for case in _read(path)]


def _read(path: Path) -> list[Case]:
    document = yaml.load(path.read_text(), yaml.CSafeLoader)
    statement = str(path.relative_to(HERE).with_suffix(""))
    row, parameters, identifiers, cases = (
        document.pop(key, {}) for key in ("row", "parameters", "identifiers", "cases")
    )
    assert not document, f"{path.name}: {', '.join(document)} is not known here"
    return [_case(statement, case, row, parameters, identifiers) for case in cases]


def _case(statement: str, case: dict, row: dict, parameters: dict, identifiers: dict) -> Case:
    unknown = case.keys() - {"name", "given", "parameters", "expect", "then"}
    assert not unknown, f"{statement}: {', '.join(unknown)} is not known here"
    assert ("expect" in case) + ("then" in case) == 1, f"{statement}, {case['name']}: either expect or then"
    return Case(
        statement,
        case["name"],
        row,
        case.get("given", {}),
        parameters | case.get("parameters", {}),
        identifiers,
        case.get("expect"),
        case.get("then"),
    )


def merged(default: dict, given: dict) -> dict:
    """Return `default` with the values of `given` instead of its own. Nested records are merged in the same way."""
    both = {
        name: merged(default[name], value) if isinstance(value, dict) and isinstance(default.get(name), dict) else value
        for name, value in given.items()
    }
    return default | both
