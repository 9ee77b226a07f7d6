"""Estimate a campaign's effect, the difference between two arms, from sums over the customers of each arm.

Few customers buy, they spend very different amounts, and the control group is small. So a symmetric interval of the
effect would be wrong. Instead, an interval of each arm's mean is computed, which is not symmetric. Then both intervals
are combined. docs/measuring.md gives the reasons and the results of simulations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from shared.chain.intervals import Z, t_quantile


class Interval(NamedTuple):
    """An estimated number with its 95 % interval. A bound is infinite if too few customers bought."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Sums:
    """Sums over the customers of an arm: sums of their outcomes, and of a covariate known before the assignment.

    The outcome is 0 or 1 for a conversion, and an amount for revenue and profit. `total`, `magnitude` and `squares` are
    the sums of the outcome's values, absolute values and squares. `before` and `before_squares` are the sums of the
    covariate's values and squares. `products` is the sum of outcome * covariate. Without a covariate, `before`,
    `before_squares` and `products` are 0.
    """

    customers: int
    total: float
    magnitude: float
    squares: float
    before: float = 0.0
    before_squares: float = 0.0
    products: float = 0.0

    @property
    def mean(self) -> float:
        """The mean outcome per customer."""
        return self.total / self.customers

    @property
    def effective(self) -> float:
        """The effective number of buyers (Kish 1965).

        If `effective` buyers had spent equal amounts, the mean would have the same relative error. For a conversion,
        `effective` is the number of buyers.
        """
        return self.magnitude**2 / self.squares if self.squares else 0.0

    def deviations(self, theta: float = 0.0) -> float:
        """Return the sum of squared deviations from the mean, for the variable (outcome - `theta` * covariate)."""
        total, squares = self.total - theta * self.before, theta**2 * self.before_squares
        return max(self.squares - 2 * theta * self.products + squares - total**2 / self.customers, 0.0)

    def variance(self, theta: float = 0.0) -> float:
        """Return the variance of the mean after the adjustment by `theta`; infinite for fewer than two customers."""
        if self.customers < 2:
            return math.inf
        return self.deviations(theta) / (self.customers - 1) / self.customers


@dataclass(frozen=True)
class Mean:
    """The mean outcome of an arm, with the variance of this mean and the effective number of buyers."""

    value: float
    variance: float
    effective: float

    def distances(self, quantile: float) -> tuple[float, float]:
        """Return two distances: from the mean to the lower limit of its interval, and from the mean to the upper limit.

        The limits are computed for the logarithm of the mean (delta method), because a sum of few amounts is skewed.
        The normal `quantile` is replaced by the quantile of Student's t with `effective - 1` degrees of freedom.
        """
        if not self.effective or math.inf in (quantile, self.variance):
            return math.inf, math.inf
        skewness = 1 / math.sqrt(self.effective)
        exponent = skewness * t_quantile(max(self.effective - 1, 1), quantile)
        scale = math.sqrt(self.variance) / skewness
        return scale * -math.expm1(-exponent), scale * (math.expm1(exponent) if exponent < 700 else math.inf)


@dataclass(frozen=True)
class Effect:
    """The effect of a campaign on a customer's outcome.

    `relative` is the effect as a share of the control group's mean, or None if that mean is not shown to be above 0.
    `explained` is the share of the variance that the covariate has removed.
    """

    difference: Interval
    relative: Interval | None
    explained: float


def effect(treated: Sums, control: Sums, quantile: float = Z) -> Effect:
    """Return the effect with 95 % intervals that hold for one look.

    For intervals that hold at every look, pass the `quantile` that shared/campaign/anytime.py computes.

    Raises:
        ValueError: An arm has no customers.
    """
    if not treated.customers or not control.customers:
        raise ValueError("an arm has no customers, so there is nothing to compare; wait for the first assignments")
    theta = slope(treated, control)
    means = adjusted(treated, control, theta)
    plain, left = (sum(arm.variance(of) for arm in (treated, control)) for of in (0.0, theta))
    explained = 1 - left / plain if 0 < plain < math.inf else 0.0
    return Effect(difference(*means, quantile), relative(*means, quantile), explained)


def slope(treated: Sums, control: Sums) -> float:
    """Return the pooled slope within the arms, from a regression of outcome on covariate; 0 without a covariate.

    This is the theta of Deng, Xu, Kohavi and Walker (2013). Differences between the arms do not influence it.
    """
    arms = (treated, control)
    spread = sum(arm.before_squares - arm.before**2 / arm.customers for arm in arms)
    if spread <= 0:
        return 0.0
    return sum(arm.products - arm.total * arm.before / arm.customers for arm in arms) / spread


def adjusted(treated: Sums, control: Sums, theta: float) -> tuple[Mean, Mean]:
    """Return the means of both arms, adjusted as if the covariate had the same mean in both (CUPED)."""
    everybody = (treated.before + control.before) / (treated.customers + control.customers)
    first, second = (
        Mean(arm.mean - theta * (arm.before / arm.customers - everybody), arm.variance(theta), arm.effective)
        for arm in (treated, control)
    )
    return first, second


def difference(treated: Mean, control: Mean, quantile: float = Z) -> Interval:
    """Return `treated` minus `control`. Its interval combines the intervals of both means (Zou and Donner 2008)."""
    (below, above), (control_below, control_above) = treated.distances(quantile), control.distances(quantile)
    value = treated.value - control.value
    return Interval(value, value - math.hypot(below, control_above), value + math.hypot(above, control_below))


def relative(treated: Mean, control: Mean, quantile: float = Z) -> Interval | None:
    """Return the difference as a share of the control mean (Donner and Zou 2012).

    Return None if the interval of the control mean reaches 0, or if the treated mean is 0 or less.

    The interval contains `ratio - 1` for each ratio for which 0 lies in the interval of `treated - ratio * control`.
    For a ratio of 1, this is the interval of `difference`. So either both intervals contain 0, or neither does.
    """
    (below, above), (control_below, control_above) = treated.distances(quantile), control.distances(quantile)
    if treated.value <= 0 or control.value <= control_below:
        return None
    ratio = treated.value / control.value
    # Divide each mean and its distances by the mean. Then the limits that `_smallest` returns are multiples of `ratio`.
    lower = _smallest(below / treated.value, control_above / control.value)
    largest = _smallest(control_below / control.value, above / treated.value)
    return Interval(ratio - 1, ratio * lower - 1, ratio / largest - 1 if largest else math.inf)


def _smallest(below: float, above: float) -> float:
    """Return the lower limit of the ratio of two means that are both 1.

    `below` is the distance from the first mean to its lower limit, and `above` the distance from the second mean to
    its upper limit. The result is the smaller root of (1 - ratio)² = below² + (ratio * above)².
    """
    # Multiply instead of using `**`: if a number overflows, `**` raises an error, but a product becomes infinite.
    root = below * below + above * above * (1 - below * below)
    if below >= 1 and root < 0:
        return -math.inf
    return (1 - below * below) / (1 + math.sqrt(root)) if math.isfinite(root) else 0.0
