"""Plan a comparison of two arms: its number of customers, its power, the smallest detectable effect, and its duration.

Effects are relative to the control group's mean: 0.1 means 10 % more. The formulas belong to a two-sample test of the
logarithms of the means (delta method), because effects.py computes its intervals from these logarithms too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from shared.chain.intervals import Z

POWER = 0.8
_NORMAL = NormalDist()
# Number of bisections of the interval that contains the effect. Then the effect has the precision of a float.
_HALVINGS = 60


@dataclass(frozen=True)
class Plan:
    """A planned comparison.

    `mean` is the expected outcome per customer of the control group, including customers without a purchase. It is a
    conversion rate if `deviation` is None, otherwise an amount with the standard deviation `deviation`. If a covariate
    explains a share R of the variance, pass the standard deviation times sqrt(1 - R).

    `quantile` is the quantile of the intervals: `Z` for one look at the end, `anytime.AT_PLAN` for looks at any time.
    """

    mean: float
    deviation: float | None = None
    control_share: float = 0.1
    quantile: float = Z

    def __post_init__(self) -> None:
        """Refuse values for which no sample size exists.

        Raises:
            ValueError: A value is outside its range.
        """
        if not 0 < self.control_share < 1:
            raise ValueError(f"the control share is {self.control_share}; it must be between 0 and 1, for example 0.1")
        if not self.mean > 0:
            raise ValueError(f"the mean is {self.mean}; it must be above 0, because an effect is a share of it")
        if self.deviation is None and self.mean >= 1:
            raise ValueError(f"the mean is {self.mean}; a conversion rate is below 1, and an amount needs a deviation")
        if self.deviation is not None and not self.deviation > 0:
            raise ValueError(f"the deviation is {self.deviation}; it must be above 0")

    def customers(self, relative: float, power: float = POWER) -> int:
        """Return the number of customers that are necessary to show the effect `relative` with probability `power`.

        The customers of both arms are counted.

        Raises:
            ValueError: The effect is 0, or it leads to a mean that is impossible.
        """
        if relative == 0:
            raise ValueError("the effect is 0; no number of customers shows that there is no effect")
        return math.ceil((self._errors(power) / self._errors_of_one(relative)) ** 2)

    def power(self, relative: float, customers: int) -> float:
        """Return the probability that the effect `relative` is shown, with `customers` in both arms.

        A gain is shown if its interval lies above 0. A loss is shown if its interval lies below 0.
        """
        return _NORMAL.cdf(self._errors_of_one(relative) * math.sqrt(customers) - self.quantile)

    def detectable(self, customers: int, power: float = POWER) -> float | None:
        """Return the smallest relative gain that is shown with probability `power`, with `customers` in both arms.

        Return None if even a conversion rate of 100 % among the treated customers would not be shown.
        """
        needed = self._errors(power) / math.sqrt(customers)
        low, high = 0.0, 1.0
        if self.deviation is None:
            high = 1 / self.mean - 1
            if self._errors_of_one(high) < needed:
                return None
        while self._errors_of_one(high) < needed:
            high *= 2
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._errors_of_one(middle) < needed else (low, middle)
        return high

    def _errors(self, power: float) -> float:
        """Return the size, in standard errors, of an effect that is shown with probability `power`."""
        if not 0 < power < 1:
            raise ValueError(f"the power is {power}; it must be between 0 and 1, for example {POWER}")
        return self.quantile + _NORMAL.inv_cdf(power)

    def _errors_of_one(self, relative: float) -> float:
        """Return the size of the effect `relative`, in standard errors of a sample with one customer.

        With n customers, the size is sqrt(n) times as large.
        """
        treated = self.mean * (1 + relative)
        if treated <= 0 or (self.deviation is None and treated > 1 + 1e-9):
            raise ValueError(
                f"an effect of {relative} would make the mean {treated:g}; choose one that a campaign can have"
            )
        variance = (
            self._squared_error(treated) / (1 - self.control_share)
            + self._squared_error(self.mean) / self.control_share
        )
        return abs(math.log1p(relative)) / math.sqrt(variance)

    def _squared_error(self, mean: float) -> float:
        """Return the squared coefficient of variation, deviation / mean, of the outcome in an arm with this mean."""
        return (1 - mean) / mean if self.deviation is None else (self.deviation / mean) ** 2


def days(customers: int, on_first_day: int, per_day: float, outcome_days: int) -> int | None:
    """Return the number of days until the outcomes of `customers` customers are known.

    Return None if `on_first_day` is below `customers` and `per_day` is 0.

    `on_first_day` is the number of customers in the first day's audience, and `per_day` the number of new customers on
    each later day. A customer's outcome is counted for `outcome_days` after the assignment.
    """
    missing = customers - on_first_day
    if missing <= 0:
        return 1 + outcome_days
    return None if per_day <= 0 else 1 + math.ceil(missing / per_day) + outcome_days


def customers_after(days: int, on_first_day: int, per_day: float, outcome_days: int) -> int:
    """Return the number of customers whose outcomes are known after `days` days; the inverse of the function `days`."""
    later = days - outcome_days - 1
    return 0 if later < 0 else on_first_day + math.floor(later * per_day)
