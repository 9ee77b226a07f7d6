"""Compute the results from the sums of sql/campaign/sums.sql: effects, intervals, decisions, and effects by decile."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from shared.campaign import anytime, ratios
from shared.campaign.effects import Sums, effect
from shared.campaign.uplift import Stratum, incremental_return, qini
from shared.chain.campaign_documents import Decile, Decision, Effects, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from shared.audience_settings import Campaign
    from shared.campaign.effects import Interval
    from shared.campaign.ratios import Sizes
    from shared.chain.intervals import Estimate

type Row = Mapping[str, Any]

NOBODY = Sums(0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Compared:
    """A comparison of two arms. All its customers were assigned while the declared share was `share`.

    `strata` holds the sums of both arms by outcome and decile, in descending order of predicted probability.
    """

    comparison: Literal["control", "holdout"]
    campaign: str | None
    share: float
    first_assigned: date
    last_assigned: date
    strata: Mapping[str, Sequence[Stratum]]

    @property
    def sizes(self) -> Sizes | None:
        """The check of the arms' sizes; None if the declared share is 0 or 1, so that one arm is empty."""
        if not 0 < self.share < 1:
            return None
        return sizes(self.comparison, *self.customers, self.share)

    @property
    def customers(self) -> tuple[int, int]:
        """The numbers of customers: (treated, control), or (all others, holdout) for the comparison `holdout`."""
        arms = self.arms("conversion")
        return arms.treated.customers, arms.control.customers

    @property
    def buyers(self) -> float:
        """The number of customers of both arms who have bought."""
        arms = self.arms("conversion")
        return arms.treated.total + arms.control.total

    def arms(self, outcome: str) -> Stratum:
        """Return the sums of both arms over all deciles."""
        return Stratum(*(_total(arm) for arm in zip(*self.strata[outcome], strict=True)))


def sizes(comparison: str, treated: int, control: int, share: float) -> Sizes:
    """Check the numbers of customers in both arms. `share` is the declared share of the control group or holdout."""
    names = ("treated", "control") if comparison == "control" else ("others", "holdout")
    shares = dict(zip(names, (1 - share, share), strict=True))
    return ratios.check(dict(zip(names, (treated, control), strict=True)), shares)


def read(rows: Iterable[Row]) -> list[Compared]:
    """Return the comparisons. `rows` come from sql/campaign/sums.sql, sorted by comparison, campaign and share."""
    by_comparison = groupby(rows, lambda row: (row["comparison"], row["campaign"], row["share"]))
    return [_compared(*key, list(mine)) for key, mine in by_comparison]


def _compared(comparison: Literal["control", "holdout"], campaign: str, share: float, rows: list[Row]) -> Compared:
    arms: dict[tuple[str, int, bool], Sums] = {}
    for row in rows:
        arms[row["outcome"], row["decile"], row["is_treated"]] = Sums(
            *(row[name] for name in Sums.__dataclass_fields__)
        )
    return Compared(
        comparison,
        campaign or None,
        share,
        min(row["first_assigned"] for row in rows),
        max(row["last_assigned"] for row in rows),
        {
            outcome: [
                Stratum(*(arms.get((outcome, decile, is_treated), NOBODY) for is_treated in (True, False)))
                for decile in sorted({row["decile"] for row in rows})
            ]
            for outcome in dict.fromkeys(row["outcome"] for row in rows)
        },
    )


def results(comparisons: Iterable[Compared], day: date, campaign: Campaign) -> Effects:
    """Return the results of all comparisons on `day`. The settings `campaign` name the planned buyers and the costs."""
    found = list(comparisons)
    return Effects(
        day,
        [_result(one, outcome, day, campaign) for one in found for outcome in one.strata],
        [
            decile
            for one in found
            if one.comparison == "control"
            for outcome in one.strata
            for decile in _deciles(one, outcome)
        ],
    )


def decide(always: Interval | None, days: int, planned_days: int, *, is_mismatch: bool) -> Decision:
    """Return the decision `days` days after the first assignment. `always` is the always-valid interval.

    People look at the results daily, so the decision must not use the interval for one look.
    """
    if is_mismatch:
        return "mismatch"
    if always and always.lower > 0:
        return "gain"
    if always and always.upper < 0:
        return "loss"
    return "too early" if days < planned_days else "undecided"


def _result(one: Compared, outcome: str, day: date, campaign: Campaign) -> Result:
    arms, checked = one.arms(outcome), one.sizes
    found: dict[str, float | None] = {}
    always = None
    if arms.treated.customers and arms.control.customers:
        measured = effect(*arms)
        always = effect(*arms, anytime.quantile(one.buyers, campaign.planned_buyers)).difference
        found = {
            **_bounds(measured.difference, "effect", "lower", "upper"),
            **_bounds(always, "effect", "always_lower", "always_upper"),
            "explained": measured.explained,
        }
        if measured.relative:
            found |= _bounds(measured.relative, "relative", "relative_lower", "relative_upper")
        if outcome == "profit" and one.comparison == "control" and campaign.cost_per_customer:
            cost = campaign.cost_per_customer * arms.treated.customers
            earned = incremental_return(measured.difference, arms.treated.customers, cost)
            found |= _bounds(earned, "return_value", "return_lower", "return_upper")
    if one.comparison == "control" and (ranked := qini(one.strata[outcome])):
        found |= _bounds(ranked.coefficient, "qini", "qini_lower", "qini_upper")
    is_mismatch = checked is not None and checked.is_mismatch
    return Result(
        comparison=one.comparison,
        campaign=one.campaign,
        share=one.share,
        outcome=outcome,
        decision=decide(always, (day - one.first_assigned).days, campaign.planned_days, is_mismatch=is_mismatch),
        first_assigned=one.first_assigned,
        last_assigned=one.last_assigned,
        treated=arms.treated.customers,
        control=arms.control.customers,
        sizes_p_value=checked.p_value if checked else None,
        treated_mean=_mean(arms.treated),
        control_mean=_mean(arms.control),
        **found,
    )


def _deciles(one: Compared, outcome: str) -> list[Decile]:
    strata = one.strata[outcome]
    curve = qini(strata)
    points = curve.curve if curve else [None] * len(strata)
    deciles = []
    for number, (stratum, point) in enumerate(zip(strata, points, strict=True), 1):
        found: dict[str, float | None] = {}
        if all(arm.customers for arm in stratum):
            # Leave out the covariate, because the Qini curve is computed without a covariate too.
            treated, control = (replace(arm, before=0.0, before_squares=0.0, products=0.0) for arm in stratum)
            found |= _bounds(effect(treated, control).difference, "effect", "lower", "upper")
        if point:
            found |= {"reached": point.share, **_bounds(point.gain, "gain", "gain_lower", "gain_upper")}
        deciles.append(
            Decile(
                campaign=one.campaign or "",
                share=one.share,
                outcome=outcome,
                decile=number,
                treated=stratum.treated.customers,
                control=stratum.control.customers,
                **found,
            )
        )
    return deciles


def _total(arms: Iterable[Sums]) -> Sums:
    return Sums(*map(sum, zip(*map(astuple, (NOBODY, *arms)), strict=True)))


def _mean(arm: Sums) -> float | None:
    return arm.mean if arm.customers else None


def _bounds(estimated: Interval | Estimate, *names: str) -> dict[str, float | None]:
    """Return the value, the lower bound and the upper bound under the keys `names`. An infinite number becomes None."""
    numbers = (estimated.value, estimated.lower, estimated.upper)
    return {name: one if math.isfinite(one) else None for name, one in zip(names, numbers, strict=True)}
