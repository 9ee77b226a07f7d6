"""Estimate on which customers a campaign has an effect, and the campaign's return, from sums by decile and arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from shared.campaign.effects import Interval
from shared.chain.intervals import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.campaign.effects import Sums


class Stratum(NamedTuple):
    """The sums of both arms over the customers of a decile, or of several deciles."""

    treated: Sums
    control: Sums

    @property
    def customers(self) -> int:
        """The number of customers of both arms."""
        return self.treated.customers + self.control.customers


class Point(NamedTuple):
    """A point of the Qini curve.

    If only the share `share` of the customers with the highest probabilities is treated, `gain` is the increase of the
    mean outcome over all customers.
    """

    share: float
    gain: Estimate


@dataclass(frozen=True)
class Qini:
    """The Qini curve, with a point after each stratum, and its coefficient.

    The coefficient is the area between the curve and the straight line from 0 to the curve's end, in outcome per
    customer. It is above 0 if the campaign has a larger effect on customers with higher probabilities.
    """

    curve: tuple[Point, ...]
    coefficient: Estimate


def qini(strata: Sequence[Stratum]) -> Qini | None:
    """Return the Qini curve of strata in descending order of probability; None if an arm of a stratum is empty.

    The curve follows Radcliffe (2007), but the effect on a stratum is estimated from this stratum's customers alone.
    Therefore each point and the coefficient are weighted sums of the strata's effects. Their variances are those of a
    stratified sample (Cochran 1977).
    """
    if not strata or not all(arm.customers for stratum in strata for arm in stratum):
        return None
    total = sum(stratum.customers for stratum in strata)
    shares = [stratum.customers / total for stratum in strata]
    reached = list(accumulate(shares))
    curve = tuple(Point(reach, _weighted(strata[:count], shares[:count])) for count, reach in enumerate(reached, 1))
    # The weights of the strata's effects in the coefficient. A weight is share * (1 - middle of the stratum), for the
    # area below the curve (trapezoids), minus share * 0.5, for the area below the straight line.
    areas = [share * (0.5 - (reach - share / 2)) for share, reach in zip(shares, reached, strict=True)]
    return Qini(curve, _weighted(strata, areas))


def _weighted(strata: Sequence[Stratum], weights: Sequence[float]) -> Estimate:
    """Return the weighted sum of the strata's effects, with the degrees of freedom of Satterthwaite (1946)."""
    value = variance = spread = 0.0
    for stratum, weight in zip(strata, weights, strict=True):
        value += weight * (stratum.treated.mean - stratum.control.mean)
        for arm in stratum:
            part = weight**2 * arm.variance()
            variance += part
            spread += part**2 / max(arm.effective - 1, 1)
    bought = all(any(arm.effective for arm in arms) for arms in zip(*strata, strict=True))
    if not bought or not math.isfinite(variance):
        return Estimate(value, math.inf, freedom=1)
    return Estimate(value, variance, freedom=variance**2 / spread if spread else math.inf)


def incremental_return(difference: Interval, treated: int, cost: float) -> Interval:
    """Return (incremental profit - cost) / cost, with its interval; 0.5 means that 1.00 spent has brought 1.50.

    `difference` is the effect on profit per customer, before the campaign's cost. All `treated` customers count,
    including those whom the campaign did not reach. `cost` is the campaign's cost for all treated customers, in the
    currency of the profit.

    Raises:
        ValueError: The cost is not above 0.
    """
    if not cost > 0:
        raise ValueError(f"the cost is {cost}; it must be above 0, because the return is a share of it")
    return Interval(*(treated * bound / cost - 1 for bound in difference))
