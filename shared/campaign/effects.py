"""Estimate a campaign's effect, the difference between two arms, from sums over the customers of each arm.

Few customers buy, they spend very different amounts, and the control group is small. So the interval of each arm's mean
is not symmetric, and the intervals of both arms are combined. docs/measuring.md gives the reasons and the results of
simulations.
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
    """Sums over the customers of an arm, of the outcome and of a covariate that was known before the assignment.

    The outcome is 0 or 1 for a conversion, and an amount for revenue and profit. `total`, `magnitude` and `squares` are
    the sums of its values, absolute values and squares. `before` and `before_squares` are the sums of the covariate's
    values and squares. `products` is the sum of outcome times covariate. Without a covariate, `before`,
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

        If this many buyers had spent equal amounts, the mean would be equally precise. For a conversion, it is the
        number of buyers.
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
        """Return the distances from the mean to the lower and the upper limit of its interval.

        The limits are computed for the logarithm of the mean (delta method), because a sum of few amounts is skewed.
        Student's t for the effective number of buyers minus 1 replaces the normal `quantile`.
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
    """Return the slope of the outcome on the covariate within the arms, pooled; 0 without a covariate.

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
    """Return the difference of two means; its interval combines the means' intervals (Zou and Donner 2008)."""
    (below, above), (control_below, control_above) = treated.distances(quantile), control.distances(quantile)
    value = treated.value - control.value
    return Interval(value, value - math.hypot(below, control_above), value + math.hypot(above, control_below))


def relative(treated: Mean, control: Mean, quantile: float = Z) -> Interval | None:
    """Return the difference as a share of the control mean (Donner and Zou 2012).

    Return None if the interval of the control mean reaches 0, or if the treated mean is 0 or less.

    By this method, a ratio of the means is plausible if "treated mean - ratio * control mean" may be 0. Therefore the
    interval contains 0 if and only if the interval of `difference` contains 0.
    """
    (below, above), (control_below, control_above) = treated.distances(quantile), control.distances(quantile)
    if treated.value <= 0 or control.value <= control_below:
        return None
    ratio = treated.value / control.value
    # Scale both means to 1; the results are then multiples of `ratio`.
    lower = _smallest(below / treated.value, control_above / control.value)
    largest = _smallest(control_below / control.value, above / treated.value)
    return Interval(ratio - 1, ratio * lower - 1, ratio / largest - 1 if largest else math.inf)


def _smallest(below: float, above: float) -> float:
    """Return the lower limit of the ratio of two means that are both 1.

    `below` is the distance from the first mean to its lower limit, and `above` the distance from the second mean to
    its upper limit. The result is the smaller root of (1 - ratio)² = below² + (ratio * above)².
    """
    # Multiply instead of using **: on overflow, ** raises an error, and a product is infinite.
    root = below * below + above * above * (1 - below * below)
    if below >= 1 and root < 0:
        return -math.inf
    return (1 - below * below) / (1 + math.sqrt(root)) if math.isfinite(root) else 0.0
