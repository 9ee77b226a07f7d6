"""`propensity compare`: show two runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli import report, terminal
from shared.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from shared.chain.documents import Measured
    from shared.chain.run_state import Run


def show(one: Run, other: Run, out: Console) -> None:
    """Print the values of both runs side by side; a line whose values differ is bold."""
    table = terminal.table("", one.run_id, other.run_id)
    values, others = dict(_values(one)), dict(_values(other))
    for name in dict.fromkeys([*values, *others]):
        cells = [_cell(values.get(name)), _cell(others.get(name))]
        table.add_row(name, *cells, style="bold" if cells[0] != cells[1] else "")
    out.print(table)


def _values(run: Run) -> Iterator[tuple[str, Any]]:
    documents = run.documents
    yield "kind", run.kind
    yield "reason", run.wanted_for
    yield "opened", f"{run.opened_at:%Y-%m-%d %H:%M}"
    yield "state", run.outcome
    yield "why", run.reason
    if documents.checks:
        yield "failed checks", ", ".join(name for name, check in documents.checks.items() if not check.is_ok) or "none"
    if evaluation := documents.evaluation:
        for split in evaluation.splits:
            yield f"{split.split} visitors", split.visitors
            yield f"{split.split} buyers", split.positives
        yield "winner", evaluation.winner
        yield "gate", "approved" if evaluation.passes else "; ".join(evaluation.reasons)
        if evaluation.winner in evaluation.test:
            yield from _metrics(evaluation.test[evaluation.winner])
    if documents.deployment:
        yield "version", documents.deployment.version
    if audience := documents.audience:
        yield "scored until", str(audience.day)
        yield "visitors scored", audience.scored
        yield "audience", audience.members
        yield "coupons", audience.coupons
    if recommended := documents.recommendations:
        yield "recommended by", recommended.method
        yield "visitors with recommendations", recommended.visitors
    for step, seconds in run.seconds.items():
        yield f"seconds of {step}", round(seconds, 1)


def _metrics(measured: Measured) -> Iterator[tuple[str, Any]]:
    for metric, name in words.METRICS.items():
        yield f"{name}, test", report.metric(metric, measured)


def _cell(value: Any) -> str:
    return "-" if value in {None, ""} else escape(str(value))
