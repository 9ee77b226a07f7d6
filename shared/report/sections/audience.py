"""The section about the audience: the numbers of scored visitors, of members, and of offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import axes, words
from shared.report.page import Bars, Section, Table
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.chain.documents import Audience
    from shared.report.material import Answers, Material, Rows

_OFFERS = ("none", "coupon", "full_price")


def asks(material: Material) -> dict[str, Statement]:
    """Return the statement that counts the scores by decile and offer, if an audience was published."""
    audience = material.run.documents.audience
    if audience is None:
        return {}
    return {"offers": Statement("report/offers", {"run_id": material.run.run_id, "day": audience.day})}


def tell(material: Material, answers: Answers) -> Section | None:
    """Return the section; None if no audience was published."""
    audience = material.run.documents.audience
    if audience is None:
        return None
    deciles = _deciles(answers.get("offers", []))
    sentences = [_published(audience, material)]
    if not deciles:
        sentences.append(f"Another run has scored {audience.day} since, so the scores of this run no longer exist.")
        return Section("audience", "Audience and offers", sentences)
    sentences.append("The members' ids are only in the audience's table and files, never on this page.")
    return Section("audience", "Audience and offers", sentences, [_expected(deciles), _table(deciles)])


def _published(audience: Audience, material: Material) -> str:
    without = audience.members - audience.coupons - audience.full_price
    return (
        f"Version {audience.model_version} of the model scored {words.count(audience.scored)} visitors who were active "
        f"in the {material.settings.audience.window_days} days until {audience.day}. "
        f"{words.count(audience.members)} of them are the audience: {words.count(audience.coupons)} with a coupon, "
        f"{words.count(audience.full_price)} at full price, "
        f"{words.count(without)} without an offer."
    )


def _deciles(rows: Rows) -> dict[int, Rows]:
    deciles: dict[int, Rows] = {}
    for row in rows:
        deciles.setdefault(row["decile"], []).append(row)
    return deciles


def _sum(rows: Rows, column: str) -> float:
    return float(sum(row[column] or 0 for row in rows))


def _expected(deciles: dict[int, Rows]) -> Bars:
    expected = {decile: _sum(rows, "expected") for decile, rows in deciles.items()}
    total, first = sum(expected.values()), expected[min(expected)]
    share = first / total if total else 0.0
    said = (
        f"The probabilities sum up to {words.decimal(total, 1)} buyers among all scored visitors; "
        f"{words.percent(share)} of them are expected in the first decile."
    )
    return Bars(
        "Buyers expected by decile",
        said,
        "decile, 1 is the most likely",
        axes.amounts("buyers expected", max(expected.values()) * 1.05),
        [str(decile) for decile in expected],
        {"buyers expected": list(expected.values())},
    )


def _table(deciles: dict[int, Rows]) -> Table:
    rows = []
    for decile, found in deciles.items():
        offers = {row["offer"]: row["visitors"] for row in found}
        lowest, highest = min(row["lowest"] for row in found), max(row["highest"] for row in found)
        range_of = (words.percent(lowest), words.percent(highest))
        counts = (words.count(offers.get(offer, 0)) for offer in _OFFERS)
        rows.append((str(decile), words.count(_sum(found, "visitors")), *range_of, *counts))
    head = ("decile", "visitors", "lowest probability", "highest", "no offer", "coupon", "full price")
    return Table("Scored visitors by decile and offer", head, rows)
