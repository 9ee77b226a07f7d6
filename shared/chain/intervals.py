"""Metrics with 95 % intervals, of the sums that sql/evaluation returns: of one model, or of two on the same visitors.

A visitor is what is drawn at random, so a visitor's rows count together, however many they are. docs/judging.md gives
the reasons, and what simulations found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Two-sided 95 %, one-sided 97.5 %.
Z = NormalDist().inv_cdf(0.975)
# How often sql/evaluation/resamples.sql draws.
REPLICATES = 200
RESAMPLED = ("pr_auc", "lift_at_5_percent", "lift_at_10_percent", "lift_at_20_percent")
METRICS = ("log_loss", "brier", "roc_auc", *RESAMPLED)
# Of these less is better.
LOSSES = ("log_loss", "brier")
# The largest values that there are; the smallest is 0.
LARGEST = {"roc_auc": 1.0, "pr_auc": 1.0, "brier": 1.0}
# A difference of which the standard error is so many times as large would need some hundred times as many buyers.
_MOST_ERRORS = 10


@dataclass(frozen=True)
class Estimate:
    """A number that was estimated on some visitors; of such estimates, the variance and the third central moment.

    The variance is estimated too, with so many degrees of freedom.
    """

    value: float
    variance: float
    third: float = 0.0
    freedom: float = math.inf

    @property
    def error(self) -> float:
        """The standard error."""
        return math.sqrt(self.variance)

    @property
    def lower(self) -> float:
        """The bound below which the number lies with a probability of 2.5 %."""
        return self.value - (self._quantile - self._skewness_term) * self.error

    @property
    def upper(self) -> float:
        """The bound above which the number lies with a probability of 2.5 %."""
        return self.value + (self._quantile + self._skewness_term) * self.error

    @property
    def _quantile(self) -> float:
        return t_quantile(self.freedom)

    @property
    def _skewness_term(self) -> float:
        # Johnson (1978): buyers are rare, so a mean of losses is skewed. A normal interval would lie too low.
        if not self.third or not 0 < self.variance < math.inf:
            return 0.0
        return (1 + 2 * self._quantile**2) / 6 * self.third / (self.variance * self.error)

    def __neg__(self) -> Estimate:
        """Return the estimate of the number's negative."""
        return Estimate(-self.value, self.variance, -self.third, self.freedom)


def t_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t distribution, exact to 1 % from 2 degrees of freedom on.

    Four terms of its expansion about the normal quantile: Abramowitz and Stegun (1964), 26.7.5.
    """
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum(term / freedom**power for power, term in enumerate(terms, 1))


@dataclass(frozen=True)
class Sums:
    """A row of sql/evaluation/comparisons.sql: sums over visitors of one model, or of one minus another."""

    candidate: str
    other: str
    with_margin: bool
    visitors: int
    row_count: int
    buyers: int
    others: int
    visitors_with_buyers: int
    visitors_with_others: int
    placed: float | None
    buyers_squares: float | None
    others_squares: float | None
    products: float | None
    placed_cubes: float | None
    log_loss: float
    log_loss_squares: float
    log_loss_cubes: float
    brier: float
    brier_squares: float
    brier_cubes: float

    @property
    def freedom(self) -> int:
        """The degrees of freedom of the variances: few visitors buy, and these tell most of how the sums vary."""
        return max(min(self.visitors_with_buyers, self.visitors_with_others) - 1, 1)


def area(sums: Sums) -> Estimate | None:
    """Return ROC AUC, or the difference of two; None without buyers or without others.

    DeLong, DeLong and Clarke-Pearson (1988), for visitors of several rows as Obuchowski (1997) extends it.
    """
    if not sums.buyers or not sums.others:
        return None
    buyers = _unbiased(sums.buyers_squares or 0.0, sums.visitors_with_buyers) / sums.buyers**2
    others = _unbiased(sums.others_squares or 0.0, sums.visitors_with_others) / sums.others**2
    both = _unbiased(sums.products or 0.0, sums.visitors) / (sums.buyers * sums.others)
    value = (sums.placed or 0.0) / sums.buyers
    return Estimate(value, max(buyers + others + 2 * both, 0.0), sums.placed_cubes or 0.0, sums.freedom)


def mean(total: float, squares: float, cubes: float, sums: Sums) -> Estimate:
    """Return a mean over rows, whose squares and cubes are of visitors: where they have one row each, a plain mean."""
    rows = sums.row_count
    return Estimate(total / rows, _unbiased(squares, sums.visitors) / rows**2, cubes / rows**3, sums.freedom)


def _unbiased(squares: float, count: int) -> float:
    """Return the sum of squares as large as it would be on average with the true mean; one visitor tells nothing."""
    return squares * count / (count - 1) if count > 1 else math.inf


class Comparisons:
    """All models' metrics, and all differences of two on the same visitors."""

    def __init__(self, sums: Iterable[Sums] = (), resampled: Iterable[Mapping[str, Any]] = ()) -> None:
        self._estimates: dict[tuple[str, str, str, bool], Estimate] = {}
        for row in sums:
            of = (row.candidate, row.other, row.with_margin)
            if (found := area(row)) is not None:
                self._estimates["roc_auc", *of] = found
            self._estimates["log_loss", *of] = mean(row.log_loss, row.log_loss_squares, row.log_loss_cubes, row)
            self._estimates["brier", *of] = mean(row.brier, row.brier_squares, row.brier_cubes, row)
        for one in resampled:
            for metric in RESAMPLED:
                value, variance = one[metric], one[f"{metric}_variance"]
                if value is not None:
                    key = (metric, one["candidate"], one["other"], one["with_margin"])
                    self._estimates[key] = Estimate(value, math.inf if variance is None else variance)

    def metric(self, metric: str, candidate: str) -> Estimate | None:
        """Return the metric of one model; None where the visitors tell none."""
        return self._estimates.get((metric, candidate, "", False))

    def metrics(self, candidate: str) -> dict[str, Estimate]:
        """Return all metrics of one model that the visitors tell."""
        found = {metric: self.metric(metric, candidate) for metric in METRICS}
        return {metric: estimate for metric, estimate in found.items() if estimate is not None}

    def loss(self, metric: str, candidate: str, other: str, *, with_margin: bool = False) -> Estimate | None:
        """Return how much worse the model is than the other, or than the other may be with its margin.

        So it is better where the upper bound is below 0, and no worse where that is so with the margin.
        """
        found = self._estimates.get((metric, candidate, other, with_margin))
        return found if found is None or metric in LOSSES else -found


def interval(metric: str, estimate: Estimate) -> tuple[float, float]:
    """Return the 95 % interval, within what the metric can be."""
    return max(estimate.lower, 0.0), min(estimate.upper, LARGEST.get(metric, math.inf))


def more_needed(loss: Estimate, buyers: int) -> int | None:
    """Return how many buyers more would show that there is no loss; None where no number that anybody has would.

    All but the number of buyers is taken to stay. Then the variance falls with it.
    """
    if loss.value >= 0 or not math.isfinite(loss.variance):
        return None
    if loss.error > _MOST_ERRORS * -loss.value:
        return None
    return max(math.ceil(buyers * ((loss.upper - loss.value) / loss.value) ** 2) - buyers, 1)
