"""Choose the method that forecasts customers' value, by its errors on held-out time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.chain.intervals import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Errors:
    """The errors of a method, as sums over all customers. `buyers` of the customers bought in the held-out time."""

    method: str
    customers: int
    buyers: int
    actual: float
    predicted: float
    absolute: float
    """Sum of |predicted - actual|. The choice does not use it: a forecast of 0 for everybody may minimise it."""
    squared: float
    """Sum of (predicted - actual)^2. The choice uses it, because the expected value minimises it (Gneiting 2011)."""

    @property
    def bias(self) -> float:
        """The relative error of the predicted sum: predicted / actual - 1; infinite if nobody bought."""
        return self.predicted / self.actual - 1 if self.actual else math.inf


@dataclass(frozen=True)
class Difference:
    """The differences of the customers' squared errors, `method` minus `other`, as sums over all customers.

    `total` is the sum of the differences. `squares` is the sum of (difference - mean difference)^2.
    """

    method: str
    other: str
    customers: int
    buyers: int
    total: float
    squares: float

    @property
    def mean(self) -> Estimate:
        """The mean difference, by the paired test of Diebold and Mariano (1995). If it is above 0, `other` is better.

        The buyers cause most of the variance, so the degrees of freedom are the number of buyers minus 1. There is no
        correction for skewness. A single customer can dominate the third moment, and would then decide the choice.
        """
        count = self.customers
        variance = self.squares / (count - 1) / count if count > 1 else math.inf
        return Estimate(self.total / count, variance, freedom=max(self.buyers - 1, 1))


@dataclass(frozen=True)
class Choice:
    """The chosen method, and the reason in one sentence."""

    method: str
    reason: str


def choose(errors: Iterable[Errors], differences: Iterable[Difference], simplest_first: Sequence[str]) -> Choice:
    """Return the simplest method, unless a less simple method is shown to have a lower mean squared error.

    The methods compete in the order of `simplest_first`. A method replaces the best method so far only if the upper
    bound of `method` minus `other` is below 0. So the simpler method wins a tie. `differences` has one row for each
    pair of methods: `method` is the less simple method, `other` the simpler method.

    Raises:
        ValueError: there is no method, or a row is missing.
    """
    if not simplest_first:
        raise ValueError("there is no method to choose: name at least one")
    by_method = {one.method: one for one in errors}
    by_pair = {(one.method, one.other): one for one in differences}
    missing = [name for name in simplest_first if name not in by_method]
    pairs = [(method, other) for at, method in enumerate(simplest_first) for other in simplest_first[:at]]
    missing += [f"{method} minus {other}" for method, other in pairs if (method, other) not in by_pair]
    if missing:
        raise ValueError(f"the held-out errors have no row of {', '.join(missing)}: compute all methods' errors")
    best, beaten = simplest_first[0], ""
    for method in simplest_first[1:]:
        if by_pair[method, best].mean.upper < 0:
            best, beaten = method, best
    return Choice(best, _reason(best, beaten, by_method, by_pair, simplest_first))


def _reason(
    best: str,
    beaten: str,
    errors: dict[str, Errors],
    differences: dict[tuple[str, str], Difference],
    simplest_first: Sequence[str],
) -> str:
    own, rivals = errors[best], simplest_first[simplest_first.index(best) + 1 :]
    reasons = []
    if beaten:
        reasons.append(f"it is shown to be better than {beaten} {told(differences[best, beaten].mean)}")
    if rivals:
        compared = ", ".join(f"{name} {told(differences[name, best].mean)}" for name in rivals)
        reasons.append(f"no less simple method is shown to be better: {compared}")
    reason = " and ".join(reasons) or "it is the only method"
    error = f"mean squared error {own.squared / own.customers:.4g} on {own.customers} customers"
    return f"{best} is chosen ({error}), because {reason}"


def told(difference: Estimate) -> str:
    """Return a difference with its interval in words."""
    return f"({difference.value:+.3g}, 95 % interval {difference.lower:+.3g} to {difference.upper:+.3g})"
