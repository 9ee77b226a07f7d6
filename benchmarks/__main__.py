"""Run the benchmarks, print a table, and exit with 1 if a bound is exceeded."""

import argparse
import dataclasses
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    calibration,
    capacity,
    chain,
    checkout,
    create_model,
    customer_value,
    deliveries,
    destinations,
    drift,
    effects,
    intervals,
    loading,
    log_volume,
    memory,
    predict,
    refresh,
    report,
    rules,
    soak,
)
from benchmarks.measure import Row, say
from shared import jsontext

MEASURES: dict[str, Callable[[bool], list[Row]]] = {
    "calibration": calibration.measure,
    "capacity": capacity.measure,
    "chain": chain.measure,
    "checkout": checkout.measure,
    "create_model": create_model.measure,
    "customer_value": customer_value.measure,
    "deliveries": deliveries.measure,
    "destinations": destinations.measure,
    "drift": drift.measure,
    "effects": effects.measure,
    "intervals": intervals.measure,
    "loading": loading.measure,
    "log_volume": log_volume.measure,
    "predict": predict.measure,
    "refresh": refresh.measure,
    "report": report.measure,
    "rules": rules.measure,
    "memory": memory.measure,
    "soak": soak.measure,
}


def main() -> int:
    """Run the benchmarks that the command line names, or all. Return 1 if one fails or exceeds a bound, otherwise 0."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASURES, []], metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument(
        "--full",
        action="store_true",
        help="also run what takes many minutes: memory at 1,000,000 sessions, 500,000 baskets, PR AUC of 1,000 buyers",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file as JSON")
    asked = parser.parse_args()
    results: dict[str, list[Row]] = {}
    failed = []
    for name in asked.names or MEASURES:
        say(f"{name} ...")
        try:
            results[name] = MEASURES[name](asked.full)
        except Exception:  # noqa: BLE001 - the error is printed, and the other benchmarks continue
            traceback.print_exc()
            failed.append(name)
    if asked.json:
        document = {
            name: [{**dataclasses.asdict(row), "ratio": row.ratio, "is_over": row.is_over} for row in rows]
            for name, rows in results.items()
        }
        asked.json.write_text(jsontext.text(document, 1) + "\n")
    Console(width=None if sys.stdout.isatty() else 140).print(_table(results))
    if failed:
        say(f"failed: {', '.join(failed)}")
    return int(bool(failed) or any(row.is_over for rows in results.values() for row in rows))


def _table(results: dict[str, list[Row]]) -> Table:
    table = Table("measure", "what")
    for name in ("measured", "floor", "ratio", "bound"):
        table.add_column(name, justify="right")
    table.add_column()
    for name, rows in results.items():
        for row in rows:
            table.add_row(
                name,
                row.what,
                _number(row.measured, row.unit),
                _number(row.floor, row.unit),
                _number(row.ratio),
                _number(row.bound),
                "" if row.bound is None else "[red]over[/]" if row.is_over else "[green]ok[/]",
            )
        table.add_section()
    return table


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:,.2f} {unit}".strip()


if __name__ == "__main__":
    sys.exit(main())
