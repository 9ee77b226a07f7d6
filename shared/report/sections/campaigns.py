"""The section about the campaigns: their effects with intervals, their returns, and the customers who are affected."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from shared.campaign import wording
from shared.report import words
from shared.report.axes import Axis
from shared.report.page import Line, Lines, Section, Spread, Spreads, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.chain.campaign_documents import Decile, Effects, Result
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the run's document."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section; None if the run measured no campaign."""
    found = material.run.documents.campaigns
    if found is None:
        return None
    parts: list[Table | Lines | Spreads] = []
    for title, results in _by_comparison(found):
        parts.append(Table(words.begun(title), wording.HEAD, [_row(one) for one in results]))
        parts += _relative(title, results)
    parts += _curves(found.deciles)
    return Section("campaigns", "The campaigns' effects", _sentences(found), parts)


def _by_comparison(found: Effects) -> list[tuple[str, list[Result]]]:
    return [(title, list(mine)) for title, mine in groupby(found.results, wording.title)]


def _sentences(found: Effects) -> list[str]:
    said = [
        f"Orders up to {found.day} count. Customers are compared in the arm of their first assignment.",
        "All intervals are 95 % intervals. The one for any look decides, because campaigns are looked at daily.",
        "The one for one look holds on the planned day only.",
    ]
    for title, results in _by_comparison(found):
        said += [f"{words.begun(title)}: {one.outcome}: {wording.DECIDED[one.decision]}." for one in results]
        said += [words.begun(wording.mismatch(one)) for one in results[:1] if one.decision == "mismatch"]
        said += [words.begun(wording.earned(one)) for one in results if one.return_value is not None]
    return said


def _row(one: Result) -> tuple[str, ...]:
    return (one.outcome, *wording.cells(one), one.decision)


def _relative(title: str, results: Sequence[Result]) -> list[Spreads]:
    spreads = []
    for one in results:
        if one.relative is None or one.relative_lower is None or one.relative_upper is None:
            continue
        text = f"{one.relative:+.1%} ({one.relative_lower:+.1%} to {one.relative_upper:+.1%})"
        spreads.append(Spread(one.outcome, one.relative, one.relative_lower, one.relative_upper, text))
    if not spreads:
        return []
    low, high = min(0.0, *(one.lower for one in spreads)), max(0.0, *(one.upper for one in spreads))
    margin = 0.05 * (high - low) or 0.01
    axis = Axis("effect as a share of the control mean", low - margin, high + margin, lambda value: f"{value:.0%}")
    said = "; ".join(f"{one.name} {one.text}" for one in spreads)
    return [Spreads(f"Relative effects: {title}", f"Interval for one look: {said}.", axis, spreads)]


def _curves(deciles: Sequence[Decile]) -> list[Lines]:
    """Return a Qini curve of the outcome conversion for each campaign.

    A campaign has no curve if a decile lacks treated or control customers.
    """
    figures = []
    of_conversion = (one for one in deciles if one.outcome == "conversion")
    for (campaign, share), mine in groupby(of_conversion, lambda one: (one.campaign, one.share)):
        points = [(one.reached, 100 * one.gain) for one in mine if one.reached is not None and one.gain is not None]
        if not points:
            continue
        end = points[-1]
        low, high = min(0.0, *(y for _, y in points)), max(0.0, *(y for _, y in points))
        half = next(y for x, y in points if x >= 0.5 - 1e-9)
        said = (
            f"Reaching everybody adds {end[1]:.2f} points to the conversion of all. The half with the highest "
            f"probabilities adds {half:.2f} of them; on a straight line, it would be {end[1] / 2:.2f}."
        )
        margin = 0.05 * (high - low) or 0.01
        x = Axis("share of the customers, the highest probabilities first", 0.0, 1.0, lambda value: f"{value:.0%}")
        y = Axis("added conversion, points", low - margin, high + margin)
        title = f"On whom {campaign} has an effect (control group of {100 * share:g} %)"
        figures.append(
            Lines(title, said, x, y, [Line("by probability", [(0.0, 0.0), *points])], [(0.0, 0.0), end], True)
        )
    return figures
