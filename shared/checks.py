"""What the data must satisfy before anyone learns from it: one file of sql/checks a check.

A check returns one row: `is_ok`, and `found` in words. Those in sql/checks/fail stop the run, those in sql/checks/warn
are recorded on it.
"""

from datetime import date, timedelta
from typing import Any

from shared.cloud import Cloud
from shared.errors import Permanent
from shared.log import log
from shared.source import COLUMNS
from shared.warehouse import SQL, Statement


def require_columns(days: list[date], cloud: Cloud) -> None:
    """See that each day-table has every column that the chain reads.

    Raises:
        Permanent: names the tables and columns that are missing.
    """
    settings = cloud.settings
    parameters = {
        "tables": [f"{settings.table_prefix}{day:%Y%m%d}" for day in days],
        "field_paths": COLUMNS[settings.source.kind],
    }
    missing = cloud.warehouse.query("source/missing_columns", parameters, source=settings.source_dataset)
    if missing:
        columns = sorted({row["field_path"] for row in missing})
        tables = sorted({row["table_id"] for row in missing})
        raise Permanent(f"{', '.join(tables[:5])} ({len(tables)} tables) lack the column {', '.join(columns)}")


def run(as_of: date, changed: list[date], cloud: Cloud) -> None:
    """Run every check on what the changed days brought and record the results on the run.

    Raises:
        Permanent: a check of sql/checks/fail is not satisfied; says what was found.
    """
    limits = cloud.settings.checks
    values = {
        "as_of": as_of,
        "today": cloud.now.date(),
        "first_day": min(changed, default=as_of - timedelta(days=limits.trailing_days)),
        "trailing_days": limits.trailing_days,
        "max_age_days": limits.max_age_days,
        "min_rows_share": limits.min_rows_share,
        "max_duplicates_share": limits.max_duplicates_share,
        "max_null_share": limits.max_null_share,
    }
    names = sorted(str(path.relative_to(SQL).with_suffix("")) for path in (SQL / "checks").glob("*/*.sql"))
    statements = [Statement(name, _used(name, values)) for name in names]
    results = [rows[0] for rows in cloud.warehouse.query_all(statements)]
    report = {name.removeprefix("checks/"): row for name, row in zip(names, results, strict=True)}
    cloud.ledger.write(cloud.run_id, "checks", report)
    for name, row in report.items():
        if not row["is_ok"]:
            log("WARNING", f"check {name}: {row['found']}", run_id=cloud.run_id)
    broken = [
        f"{name}: {row['found']}" for name, row in report.items() if name.startswith("fail/") and not row["is_ok"]
    ]
    if broken:
        raise Permanent(f"the data fails its checks: {'; '.join(broken)}")


def _used(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that the statement names."""
    text = (SQL / f"{name}.sql").read_text()
    return {key: value for key, value in values.items() if f"@{key}" in text}
