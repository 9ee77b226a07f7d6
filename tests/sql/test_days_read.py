"""A statement reads only the days that `propensity cost` counts.

If the cost counts only some days of a table, the table gets rows of an old day. Their files are taken away while
the statement runs. A statement that reads the old day fails, because it does not find these files.
"""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING

import cases
import pytest
from warehouse import EXPORT

from cli import declarations
from cli.cost.statements import parsed, text
from demo.schema import EXPORTS
from fixtures.readings import readings
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HISTORY_DAYS = 10_000
OLD_DAY = "1990-01-01"
# The partitioning column of each partitioned table.
PARTITIONS = {table.name: table.partition for table in declarations.read().tables if table.partition}
EXPORTED = tuple(export.prefix for export in EXPORTS)
# The smallest and the largest value of each type. A file that has both in a column cannot be skipped because of
# a condition on this column. So only its day can be a reason to skip the file.
EXTREMES = {
    "DATE": ("1900-01-01", "2100-01-01"),
    "TIMESTAMP": ("1900-01-01 00:00:00", "2100-01-01 00:00:00"),
    "STRING": ("", "~"),
    "BOOL": (False, True),
    "INT64": (-(10**9), 10**9),
    "FLOAT64": (-1e9, 1e9),
}


def first_cases() -> list[cases.Case]:
    """Return one case for each statement that the cost counts."""
    counted = {one.statement for kind in ("ga360", "ga4") for one in readings(kind, HISTORY_DAYS)}
    return list({case.statement: case for case in reversed(cases.read()) if case.statement in counted}.values())


@cache
def limited(statement: str) -> set[str]:
    """Return the tables of which the statement reads some days only. `export` is the name for the export's day-tables.

    The target of a MERGE is returned only if the MERGE is `on false`. Otherwise the local BigQuery compares rows, and
    reads the whole target.
    """
    found = [one for kind in ("ga360", "ga4") for one in readings(kind, HISTORY_DAYS) if one.statement == statement]
    target, _, read = parsed(statement)
    some = {table for table in read - {target} if all(one.days.get(table, 1) < HISTORY_DAYS for one in found)}
    if "on false" in text(statement) and all(one.replaced < HISTORY_DAYS for one in found):
        some.add(target)
    return some & {*PARTITIONS, "export"}


def fill_an_old_day(warehouse, case: cases.Case, table: str) -> None:
    if table == "export":
        prefix = min((name.rstrip("0123456789") for name in case.row if name.startswith(EXPORTED)), key=len)
        warehouse.fill({prefix + OLD_DAY.replace("-", ""): [case.row[prefix]]})
        return
    columns = [one for one in warehouse.schemas[table] if one.mode != "REPEATED" and one.field_type in EXTREMES]
    rows = [{one.name: EXTREMES[one.field_type][number] for one in columns} for number in range(2)]
    rows.append({name: value for name, value in rows[0].items() if _is_required(warehouse, table, name)})
    warehouse.fill({table: [{**row, PARTITIONS[table]: OLD_DAY} for row in rows]})


def _is_required(warehouse, table: str, column: str) -> bool:
    return any(one.name == column and one.mode == "REQUIRED" for one in warehouse.schemas[table])


@contextlib.contextmanager
def taken_away(files: set[Path]) -> Iterator[None]:
    for file in files:
        file.rename(file.with_suffix(".away"))
    try:
        yield
    finally:
        for file in files:
            file.with_suffix(".away").rename(file)


@pytest.fixture
def files(bigquery_emulator):
    """Return a function that returns the paths of all tables' files."""
    return lambda: set((bigquery_emulator.scratch.parent / "data").rglob("*.parquet"))


def run_without_the_old_day(warehouse, files, case: cases.Case, tables: set[str]) -> None:
    before = files()
    for table in tables:
        fill_an_old_day(warehouse, case, table)
    assert len(files() - before) == len(tables)
    with taken_away(files() - before):
        warehouse.fill({table: case.rows(table, rows) for table, rows in case.given.items()})
        warehouse.run_here(case.statement, case.parameters, **case.identifiers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [one for one in first_cases() if limited(one.statement)], ids=lambda case: case.statement
)
def test_a_statement_reads_only_the_days_that_the_cost_counts(case, warehouse, files):
    run_without_the_old_day(warehouse, files, case, limited(case.statement))


def test_a_statement_that_reads_all_days_fails_without_an_old_days_files(warehouse, files):
    case = next(one for one in cases.read() if one.statement == "orders/orders")
    assert limited("orders/orders") == set()
    with pytest.raises(Permanent, match=r"\.parquet"):
        run_without_the_old_day(warehouse, files, case, {"order_reports"})


def test_a_statement_on_the_export_fails_without_a_day_that_it_reads(warehouse, files):
    case = next(one for one in cases.read() if one.statement == "sessions/from_ga4")
    warehouse.fill({table: case.rows(table, rows) for table, rows in case.given.items()})
    export = {file for file in files() if EXPORT in file.parts}
    assert export
    with taken_away(export), pytest.raises(Permanent, match=r"\.parquet"):
        warehouse.run_here(case.statement, case.parameters, **case.identifiers)
