"""Check the data before a model learns from them: one check per file of sql/checks.

A check returns one row with `is_ok` and with `found`, a text that says what was found in the data. A failed check in
sql/checks/fail ends the run. A failed check in sql/checks/warn is only recorded.

The check `fail/columns` is not a statement. It asks BigQuery's API for the columns of the export, because
INFORMATION_SCHEMA.COLUMN_FIELD_PATHS would read the schema of every day-table.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from shared.chain.documents import CHECKS, Check
from shared.chain.log_events import CheckFailed
from shared.chain.source import columns_of, columns_read, newest_table
from shared.errors import Permanent
from shared.log import log
from shared.warehouse import SQL, Statement

if TYPE_CHECKING:
    from shared.chain.environment import StepContext


def require_columns(context: StepContext) -> set[str]:
    """Check that the export has all columns that the chain reads, record the check, and return the export's columns.

    The columns are read from the day-table that was created last. BigQuery uses this table's schema for a query over
    all day-tables.

    Raises:
        Permanent: a column is missing; the message names the table and the column.
    """
    settings = context.settings
    table = f"{settings.source_dataset}.{newest_table(context.environment)}"
    present = columns_of(table, context.environment)
    missing = [column for column in columns_read(settings) if column not in present]
    found = f"table {table} lacks the column {', '.join(missing)}" if missing else f"table {table} has all columns"
    context.runs.write(context.run_id, CHECKS, {"fail/columns": Check(is_ok=not missing, found=found)})
    if missing:
        raise Permanent(f"{found}, which the chain reads: BigQuery takes the columns of the table created last for all")
    return present


def run(as_of: date, changed: list[date], context: StepContext) -> None:
    """Run all checks of sql/checks, and record the results in the run's folder.

    The checks read the sessions from the first day of `changed` to `as_of`. If `changed` is empty, they read the
    sessions of the last `checks.trailing_days`.

    Raises:
        Permanent: a check of sql/checks/fail has failed; the message says what was found.
    """
    limits = context.settings.checks
    values = {
        "as_of": as_of,
        "today": context.now.date(),
        "first_day": min(changed, default=as_of - timedelta(days=limits.trailing_days)),
        # Each limit's query parameter has the same name as the limit's setting.
        **msgspec.structs.asdict(limits),
    }
    names = sorted(str(path.relative_to(SQL).with_suffix("")) for path in (SQL / "checks").glob("*/*.sql"))
    statements = [Statement(name, _used(name, values)) for name in names]
    results = [msgspec.convert(rows[0], Check) for rows in context.warehouse.query_all(statements)]
    report = context.runs.read(context.run_id, CHECKS) or {}
    report |= {name.removeprefix("checks/"): check for name, check in zip(names, results, strict=True)}
    context.runs.write(context.run_id, CHECKS, report)
    for name, check in report.items():
        if not check.is_ok:
            log(CheckFailed(context.run_id, name, check.found))
    broken = [
        f"{name}: {check.found}" for name, check in report.items() if name.startswith("fail/") and not check.is_ok
    ]
    if broken:
        raise Permanent(f"the data fails its checks: {'; '.join(broken)}")


def _used(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return only those entries of `values` that the statement `name` has as parameters."""
    text = (SQL / f"{name}.sql").read_text()
    return {key: value for key, value in values.items() if f"@{key}" in text}
