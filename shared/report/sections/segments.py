"""The section about segments by device, channel and country: actual buyers, expected buyers, and ROC AUC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.chain import intervals
from shared.report import axes, words
from shared.report.page import Section, Spread, Spreads, Table
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.report.material import Answers, Material, Rows

_MOST = 8
_KINDS = ("device", "channel", "country")


def asks(material: Material) -> dict[str, Statement]:
    """Return the statement that counts the segments, if a model was evaluated."""
    evaluation = material.run.documents.evaluation
    if evaluation is None:
        return {}
    about = {**material.rows_of_run, "candidate": evaluation.winner, "most": _MOST}
    return {"segments": Statement("report/segments", about)}


def tell(_: Material, answers: Answers) -> Section | None:
    """Return the section; None if there are no test visitors."""
    rows = answers.get("segments", [])
    if not rows:
        return None
    sentences = [
        "Of each segment of the test visitors: the share that bought, its 95 % interval, and what the winner expected.",
        "Small segments have wide intervals. A ROC AUC of 0.5 ranks at random.",
    ]
    parts = [_figure(kind, found) for kind in _KINDS if (found := [row for row in rows if row["kind"] == kind])]
    return Section("segments", "Segments", sentences, [*parts, _ranking(rows)])


def _figure(kind: str, rows: Rows) -> Spreads:
    spreads, marks = [], []
    for row in rows:
        visitors, buyers = row["visitors"], row["buyers"]
        lower, upper = intervals.share_interval(buyers, visitors)
        text = f"{words.count(buyers)} of {words.count(visitors)}, {words.decimal(row['expected'], 1)} expected"
        spreads.append(Spread(_name(row), buyers / visitors, lower, upper, text))
        marks.append(row["expected"] / visitors)
    outside = [
        spread.name for spread, mark in zip(spreads, marks, strict=True) if not spread.lower <= mark <= spread.upper
    ]
    said = f"In {len(spreads) - len(outside)} of {len(spreads)} segments, what was expected lies within the interval."
    said += f" Outside: {words.listed(outside)}." if outside else ""
    # The axis ends at twice the largest share. The interval of a small segment may reach beyond the axis.
    high = max(*marks, *(spread.value for spread in spreads)) * 2
    legend = ("share that bought, with 95 % interval", "share expected")
    return Spreads(f"Test visitors by {kind}", said, axes.shares("share that bought", high), spreads, marks, legend)


def _ranking(rows: Rows) -> Table:
    cells = []
    for row in rows:
        sizes = words.count(row["visitors"]), words.count(row["buyers"])
        cells.append((f"{row['kind']}: {_name(row)}", *sizes, words.decimal(row["roc_auc"]), _interval(row)))
    return Table(
        "How well each segment is ranked", ("segment", "visitors", "buyers", "ROC AUC", "95 % interval"), cells
    )


def _interval(row: Mapping[str, Any]) -> str:
    """Return the interval of the segment's ROC AUC as text; NONE for fewer than two buyers or two other visitors."""
    if row["roc_auc_variance"] is None:
        return words.NONE
    freedom = min(row["buyers"], row["visitors"] - row["buyers"]) - 1
    estimate = intervals.Estimate(row["roc_auc"], row["roc_auc_variance"], freedom=freedom)
    return words.interval(*intervals.interval("roc_auc", estimate))


def _name(row: Mapping[str, Any]) -> str:
    return "all others" if row["segment"] is None else str(row["segment"])
