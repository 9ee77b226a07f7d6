"""Forecast the value of an order with the Gamma-Gamma model: Fader and Hardie (2013), note 25.

The values of a customer's orders are gamma distributed (shape `p`), at a rate that is gamma distributed over the
customers (shape `q`, rate `gamma`). Values, means and `gamma` are in one currency. The model assumes that a customer's
mean value does not depend on the number of orders; `independence` tests this assumption.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import special

from shared.value.fitting import REMEDY, Array, Contributions, FitError, maximise

if TYPE_CHECKING:
    from collections.abc import Iterable

# With fewer repeat buyers, a fit often fails or is far off: docs/customer-value.md.
MIN_REPEAT_BUYERS = 100
# Largest harmless correlation. It lies between a small correlation (0.1) and a medium correlation (0.3) of Cohen
# (1988).
TOLERANCE = 0.2
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Values:
    """The order values of customers with repeat orders, as three arrays of equal length.

    The same position in the arrays is a row. A row may combine customers with the same frequency and nearly the same
    mean value. `frequency` is the number of orders after the first, `mean_value` the mean value of these orders, and
    `customers` the number of customers in the row.

    Raises:
        ValueError: the numbers of a row are impossible.
    """

    frequency: Array
    mean_value: Array
    customers: Array

    def __post_init__(self) -> None:
        rules = {
            "frequency must be at least 1": self.frequency >= 1,
            "mean_value must be a finite number above 0; leave out customers whose orders are worth nothing": (
                (self.mean_value > 0) & np.isfinite(self.mean_value)
            ),
            "customers must be above 0": self.customers > 0,
        }
        for rule, holds in rules.items():
            if not np.all(holds):
                raise ValueError(f"{rule}: {int(np.sum(~holds))} of {len(holds)} rows contradict")

    @classmethod
    def of(cls, rows: Iterable[tuple[float, float, float]]) -> Values:
        """Return the values of rows (frequency, mean_value, customers)."""
        columns = np.array(list(rows), dtype=np.float64).reshape(-1, 3).T
        return cls(*columns)


class Parameters(NamedTuple):
    """The parameters of the model; `gamma` is in the currency of the values."""

    p: float
    q: float
    gamma: float

    @property
    def mean(self) -> float:
        """The mean value of an order over all customers; infinite if q is at most 1."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else math.inf


@dataclass(frozen=True)
class Fitted:
    """A fit by maximum likelihood. `covariance` is the covariance of the logarithms of p, q and gamma."""

    parameters: Parameters
    covariance: Array
    log_likelihood: float
    customers: int


def fit(values: Values) -> Fitted:
    """Fit the model. Of its parameters, only `gamma` depends on the currency.

    The search starts at p = q = 1, with the mean of the customers' mean values as gamma.

    Raises:
        FitError: there are too few customers, the likelihood has no maximum, or orders have no finite mean value.
    """
    customers = int(values.customers.sum())
    if customers < MIN_REPEAT_BUYERS:
        raise FitError(
            f"only {customers} customers have ordered again, and at least {MIN_REPEAT_BUYERS} are needed to fit "
            f"Gamma-Gamma; {REMEDY}"
        )
    unit = float(np.average(values.mean_value, weights=values.customers))
    scaled = Values(values.frequency, values.mean_value / unit, values.customers)
    found = maximise(lambda ones: contributions(Parameters(*ones), scaled), values.customers, Parameters._fields)
    p, q, gamma = (float(one) for one in np.exp(found.logarithms))
    if q <= 1:
        raise FitError(
            f"q is {q:.2f}, and with q of at most 1 the mean value of an order is infinite. A few orders are extremely "
            "large; leave them out, or take a simpler method"
        )
    parameters = Parameters(p, q, gamma * unit)
    total = values.customers @ contributions(parameters, values).log_likelihood
    return Fitted(parameters, found.covariance, float(total), customers)


def contributions(parameters: Parameters, values: Values) -> Contributions:
    """Return the log-likelihood and its gradient for one customer of each row: equation 1a of note 25."""
    p, q, gamma = parameters
    x, orders = values.frequency, p * values.frequency
    log_sum, log_rate = np.log(values.frequency * values.mean_value), np.log(gamma + x * values.mean_value)
    log_likelihood = (
        special.gammaln(orders + q)
        - special.gammaln(orders)
        - special.gammaln(q)
        + q * np.log(gamma)
        + orders * log_sum
        - np.log(values.mean_value)
        - (orders + q) * log_rate
    )
    digamma = special.digamma
    scores = (
        orders * (digamma(orders + q) - digamma(orders) + log_sum - log_rate),
        q * (digamma(orders + q) - digamma(q) + np.log(gamma) - log_rate),
        q - gamma * (orders + q) / np.exp(log_rate),
    )
    return Contributions(log_likelihood, np.stack(scores, axis=1))


def expected_value(parameters: Parameters, frequency: Array, mean_value: Array) -> Array:
    """Return, for each row, the expected value of a customer's next order: equation 5 of note 25.

    This value lies between the customer's mean value and the mean of all customers. For a frequency of 0, it is the
    mean of all customers, and `mean_value` is not used.
    """
    shape, rate = _posterior(parameters, frequency, mean_value)
    return parameters.p * rate / (shape - 1)


def expected_products(parameters: Parameters, frequency: Array, mean_value: Array) -> tuple[Array, Array]:
    """Return, for each row, the expected square of an order's value, and the expected product of two orders' values.

    The square and the product are infinite if the gamma distribution of the customer's rate has a shape of at most 2.
    """
    shape, rate = _posterior(parameters, frequency, mean_value)
    inverse = np.full(len(shape), np.inf)
    np.divide(rate**2, (shape - 1) * (shape - 2), out=inverse, where=shape > 2)
    return parameters.p * (parameters.p + 1) * inverse, parameters.p**2 * inverse


def _posterior(parameters: Parameters, frequency: Array, mean_value: Array) -> tuple[Array, Array]:
    """Return, for each row, shape and rate of the gamma distribution of a customer's rate, given the orders."""
    total = np.where(frequency > 0, frequency * mean_value, 0.0)
    return parameters.q + parameters.p * frequency, parameters.gamma + total


@dataclass(frozen=True)
class Independence:
    """The correlation between mean value and the logarithm of frequency, with its 95 % interval."""

    correlation: float
    lower: float
    upper: float

    @property
    def verdict(self) -> Literal["holds", "does not hold", "not shown"]:
        """Whether the interval lies within -TOLERANCE to TOLERANCE, outside this range, or partly within it."""
        if self.lower >= -TOLERANCE and self.upper <= TOLERANCE:
            return "holds"
        return "does not hold" if self.lower > TOLERANCE or self.upper < -TOLERANCE else "not shown"

    def __str__(self) -> str:
        """Return the verdict with its numbers, as a sentence."""
        sentence = {
            "holds": "order values do not depend on the number of orders",
            "does not hold": "order values depend on the number of orders",
            "not shown": "too few customers show whether order values depend on the number of orders",
        }[self.verdict]
        interval = f"{self.lower:.2f} to {self.upper:.2f}"
        return f"{sentence}: correlation {self.correlation:.2f} ({interval}), tolerance {TOLERANCE}"


def independence(values: Values) -> Independence:
    """Test the model's assumption that a customer's mean value does not depend on the number of orders.

    The interval follows Fisher (1921). The logarithm of `frequency` limits the influence of customers with many orders.
    If `frequency` or `mean_value` is the same in all rows, the correlation is unknown, and the interval is -1 to 1.
    """
    logs, count = np.log(values.frequency), float(values.customers.sum())
    centred = [one - np.average(one, weights=values.customers) for one in (logs, values.mean_value)]
    spreads = [float(values.customers @ one**2) for one in centred]
    if count <= 3 or not all(spreads):
        return Independence(0.0, -1.0, 1.0)
    correlation = float(values.customers @ (centred[0] * centred[1])) / math.sqrt(spreads[0] * spreads[1])
    middle, error = math.atanh(min(max(correlation, -1 + 1e-12), 1 - 1e-12)), 1 / math.sqrt(count - 3)
    return Independence(correlation, math.tanh(middle - _Z * error), math.tanh(middle + _Z * error))
