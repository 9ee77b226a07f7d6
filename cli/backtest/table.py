"""A backtest's result as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from cli import terminal
from cli.backtest import promises
from shared.report import words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from cli.backtest.promises import Interval, Promise
    from cli.backtest.results import Judged

# The quantities that the table shows, each with the title of its column. `--json` prints more metrics.
_COLUMNS = {
    **{metric: words.METRICS[metric] for metric in ("roc_auc", "log_loss", "lift_at_10_percent")},
    "buyers": "buyers",
    "audience_buyers": "buyers in the audience",
}
_DIGITS = words.DIGITS | {"buyers": 0, "audience_buyers": 0}


def show(days: list[Judged], out: Console) -> None:
    """Print each day's predicted and actual values, and how many predictions held."""
    out.print(_table(days))
    for judged in days:
        if judged.reasons and judged.winner:
            out.print(f"rejected as of {judged.day}: {'; '.join(judged.reasons)}", highlight=False, markup=False)
    counted = promises.held(days)
    told = [f"{title} {counted[name][0]} of {counted[name][1]}" for name, title in _COLUMNS.items() if name in counted]
    out.print(f"promises held: {', '.join(told) or 'none was made'}", highlight=False)
    if told:
        out.print("by chance alone 1 in 20 does not hold")


def _table(days: list[Judged]) -> Table:
    title = "What the model of each past day promised and what came; with 95 % intervals"
    table = terminal.table("as of", "model", "", *_COLUMNS.values(), title=title)
    for judged in days:
        table.add_section()
        made = promises.of(judged)
        if not made:
            table.add_row(str(judged.day), escape("; ".join(judged.reasons)), "", *("-" for _ in _COLUMNS))
            continue
        verdict = "approved" if judged.passes else "rejected"
        table.add_row(
            str(judged.day), f"{judged.winner}\n{verdict}", "promised", *(_promised(name, made) for name in _COLUMNS)
        )
        table.add_row("", "", "came", *(_came(name, made) for name in _COLUMNS))
        table.add_row("", "", "held", *(_held(made.get(name)) for name in _COLUMNS))
    return table


def _promised(name: str, made: dict[str, Promise]) -> str:
    found = made.get(name)
    return _cell(name, found.promised, found.promised_interval) if found else "-"


def _came(name: str, made: dict[str, Promise]) -> str:
    found = made.get(name)
    return _cell(name, found.came, found.came_interval) if found else "-"


def _cell(name: str, value: float, interval: Interval | None) -> str:
    digits = _DIGITS.get(name, 3)
    text = words.decimal(value, digits)
    return f"{text}\n{words.interval(*interval, digits)}" if interval else text


def _held(promise: Promise | None) -> str:
    if promise is None or promise.held is None:
        return "-"
    if promise.held:
        return "[green]yes[/]"
    return f"[red]no, {'more' if promise.came > promise.promised else 'less'}[/]"
