"""Compute metrics with 95 % intervals from the sums that sql/evaluation returns, for one model or for two models.

Two models are compared on the same visitors. The sample consists of visitors, so all rows of a visitor count as one
observation. docs/judging.md gives the reasons and the results of simulations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The normal quantile for a two-sided interval of 95 %, and a one-sided bound of 97.5 %.
Z = NormalDist().inv_cdf(0.975)
# Number of bootstrap replicates in sql/evaluation/resamples.sql.
REPLICATES = 200
RESAMPLED = ("pr_auc", "lift_at_5_percent", "lift_at_10_percent", "lift_at_20_percent")
METRICS = ("log_loss", "brier", "roc_auc", *RESAMPLED)
# For these metrics, lower is better.
LOSSES = ("log_loss", "brier")
# The largest possible value of each metric that has a maximum. The smallest possible value of each metric is 0.
LARGEST = {"roc_auc": 1.0, "pr_auc": 1.0, "brier": 1.0}
# Largest ratio of standard error to difference for which `more_needed` returns a number. Above this ratio, a
# significant difference would need hundreds of times as many buyers.
_MOST_ERRORS = 10


@dataclass(frozen=True)
class Estimate:
    """An estimated number, with the variance and the third central moment (`third`) of the estimate.

    The variance is itself an estimate, with `freedom` degrees of freedom.
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
        """The lower bound of the 95 % interval."""
        return self.value - (self._quantile - self._skewness_term) * self.error

    @property
    def upper(self) -> float:
        """The upper bound of the 95 % interval."""
        return self.value + (self._quantile + self._skewness_term) * self.error

    @property
    def _quantile(self) -> float:
        return t_quantile(self.freedom)

    @property
    def _skewness_term(self) -> float:
        # Correction for skewness by Johnson (1978). Buyers are rare, so the distribution of a mean loss is skewed, and
        # a normal interval would be too low.
        if not self.third or not 0 < self.variance < math.inf:
            return 0.0
        return (1 + 2 * self._quantile**2) / 6 * self.third / (self.variance * self.error)

    def __neg__(self) -> Estimate:
        """Return the estimate with the opposite sign; its third moment changes its sign too."""
        return Estimate(-self.value, self.variance, -self.third, self.freedom)


def share_interval(hits: float, total: float, z: float = Z) -> tuple[float, float]:
    """Return the interval of the share `hits / total`; 0 to 1 for a total of 0. `z` is the normal quantile.

    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    if total <= 0:
        return 0.0, 1.0
    share, weight = hits / total, z**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(max(share * (1 - share) / total * z**2 + weight**2 / 4, 0)) / (1 + weight)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def shown_share(hits: float, total: float) -> float:
    """Return the lower bound of the interval of `hits / total`, for the normal quantile 3.

    The true share is almost certainly above this bound.
    """
    return share_interval(hits, total, 3.0)[0]


def t_quantile(freedom: float, z: float = Z) -> float:
    """Return the quantile of Student's t distribution for the same probability as the normal quantile `z`.

    The default of `z` belongs to a probability of 97.5 %. With this `z`, the error of the result is below 1 % for 2 and
    more degrees of freedom. The formula has four terms of the expansion around the normal quantile: Abramowitz and
    Stegun (1964), 26.7.5.
    """
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


@dataclass(frozen=True)
class Sums:
    """A row of sql/evaluation/comparisons.sql: sums over visitors.

    If `other` is empty, the sums describe the model `candidate`. Otherwise they describe the difference `candidate`
    minus `other`.
    """

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
        """The degrees of freedom of the variances: the number of visitors with the rarer outcome, minus 1.

        The rarer outcome, usually a purchase, causes most of the variance.
        """
        return max(min(self.visitors_with_buyers, self.visitors_with_others) - 1, 1)


def area(sums: Sums) -> Estimate | None:
    """Return the ROC AUC, or the difference of two ROC AUCs; None if there are no buyers or no other visitors.

    The variance follows DeLong, DeLong and Clarke-Pearson (1988). Obuchowski (1997) extends it to visitors with
    several rows.
    """
    if not sums.buyers or not sums.others:
        return None
    buyers = _unbiased(sums.buyers_squares or 0.0, sums.visitors_with_buyers) / sums.buyers**2
    others = _unbiased(sums.others_squares or 0.0, sums.visitors_with_others) / sums.others**2
    both = _unbiased(sums.products or 0.0, sums.visitors) / (sums.buyers * sums.others)
    value = (sums.placed or 0.0) / sums.buyers
    return Estimate(value, max(buyers + others + 2 * both, 0.0), sums.placed_cubes or 0.0, sums.freedom)


def mean(total: float, squares: float, cubes: float, sums: Sums) -> Estimate:
    """Return the estimate of a mean over rows.

    `squares` and `cubes` are sums over visitors of the squared and cubed deviations, because a visitor's rows are not
    independent.
    """
    rows = sums.row_count
    return Estimate(total / rows, _unbiased(squares, sums.visitors) / rows**2, cubes / rows**3, sums.freedom)


def _unbiased(squares: float, count: int) -> float:
    """Return the sum of squared deviations with Bessel's correction; infinity if `count` is less than 2."""
    return squares * count / (count - 1) if count > 1 else math.inf


class Comparisons:
    """The metrics of all models, and the differences between all pairs of models on the same visitors."""

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
        """Return a metric of one model; None if it cannot be computed on these visitors."""
        return self._estimates.get((metric, candidate, "", False))

    def metrics(self, candidate: str) -> dict[str, Estimate]:
        """Return all metrics of one model that can be computed on these visitors."""
        found = {metric: self.metric(metric, candidate) for metric in METRICS}
        return {metric: estimate for metric, estimate in found.items() if estimate is not None}

    def loss(self, metric: str, candidate: str, other: str, *, with_margin: bool = False) -> Estimate | None:
        """Return how much worse `candidate` is than `other`, minus the allowed margin if `with_margin` is True.

        If the upper bound is below 0, `candidate` is shown to be better than `other` or, with the margin, no worse.
        Return None if the two models cannot be compared on these visitors.
        """
        found = self._estimates.get((metric, candidate, other, with_margin))
        return found if found is None or metric in LOSSES else -found


def interval(metric: str, estimate: Estimate) -> tuple[float, float]:
    """Return the 95 % interval (lower, upper), limited to the possible values of the metric."""
    return max(estimate.lower, 0.0), min(estimate.upper, LARGEST.get(metric, math.inf))


def more_needed(loss: Estimate, buyers: int) -> int | None:
    """Return how many more buyers would show that `loss` is below 0, or None if no realistic number would.

    The variance of `loss` is assumed to be inversely proportional to the number of buyers.
    """
    if loss.value >= 0 or not math.isfinite(loss.variance):
        return None
    if loss.error > _MOST_ERRORS * -loss.value:
        return None
    return max(math.ceil(buyers * ((loss.upper - loss.value) / loss.value) ** 2) - buyers, 1)
