"""Forecast orders with the BG/NBD model of Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way.

A customer orders at random while alive, at a rate that is gamma distributed over the customers (shape `r`, rate
`alpha`). After each order except the first, the customer leaves for good with a probability that is beta distributed
over the customers (`a`, `b`). All times, `alpha` and the horizon have the same unit, such as days or weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special
from scipy.linalg import eigh_tridiagonal

from shared.value.fitting import REMEDY, Array, Contributions, FitError, maximise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# With fewer repeat buyers, a fit often fails or is far off: docs/customer-value.md.
MIN_REPEAT_BUYERS = 100
_NODES = 128


@dataclass(frozen=True)
class Histories:
    """The customers' orders, one array per number. A row stands for all customers with the same three numbers.

    `frequency` is the number of orders after the first; the orders of one day count as one. `recency` is the time from
    the first to the last order, 0 if there is only one. `age` is the time from the first order to the end of the data
    (`T` in the paper). `customers` is the number of customers of the row.

    Raises:
        ValueError: the numbers of a row are impossible.
    """

    frequency: Array
    recency: Array
    age: Array
    customers: Array

    def __post_init__(self) -> None:
        frequency, recency, age = self.frequency, self.recency, self.age
        rules = {
            "frequency must be a whole number of orders after the first": (frequency >= 0) & (frequency % 1 == 0),
            "recency must be at most age": recency <= age,
            "recency must be above 0 exactly if frequency is; count the orders of one day as one": np.where(
                frequency > 0, recency > 0, recency == 0
            ),
            "age must be finite": np.isfinite(age),
            "customers must be above 0": self.customers > 0,
        }
        for rule, holds in rules.items():
            if not np.all(holds):
                raise ValueError(f"{rule}: {int(np.sum(~holds))} of {len(frequency)} rows contradict")

    @classmethod
    def of(cls, rows: Iterable[tuple[float, float, float, float]]) -> Histories:
        """Return the histories of rows (frequency, recency, age, customers)."""
        columns = np.array(list(rows), dtype=np.float64).reshape(-1, 4).T
        return cls(*columns)

    @property
    def repeat_buyers(self) -> int:
        """The number of customers with repeat orders."""
        return int(self.customers[self.frequency > 0].sum())


class Parameters(NamedTuple):
    """The parameters of the model; `alpha` has the unit of the ages."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True)
class Fitted:
    """A fit by maximum likelihood. `covariance` is the covariance of the logarithms of r, alpha, a and b."""

    parameters: Parameters
    covariance: Array
    log_likelihood: float
    customers: int
    repeat_buyers: int


def fit(histories: Histories) -> Fitted:
    """Fit the model. Of its parameters, only `alpha` depends on the unit of the times.

    The search starts at r = a = b = 1, with the mean age as alpha.

    Raises:
        FitError: too few customers have repeat orders, or the likelihood has no maximum.
    """
    if histories.repeat_buyers < MIN_REPEAT_BUYERS:
        raise FitError(
            f"only {histories.repeat_buyers} customers have ordered again, and at least {MIN_REPEAT_BUYERS} are needed "
            f"to fit BG/NBD; {REMEDY}"
        )
    unit = float(np.average(histories.age, weights=histories.customers))
    scaled = Histories(histories.frequency, histories.recency / unit, histories.age / unit, histories.customers)
    found = maximise(lambda ones: contributions(Parameters(*ones), scaled), histories.customers, Parameters._fields)
    r, alpha, a, b = (float(one) for one in np.exp(found.logarithms))
    parameters = Parameters(r, alpha * unit, a, b)
    total = histories.customers @ contributions(parameters, histories).log_likelihood
    return Fitted(parameters, found.covariance, float(total), int(histories.customers.sum()), histories.repeat_buyers)


def contributions(parameters: Parameters, histories: Histories) -> Contributions:
    """Return the log-likelihood and its gradient for one customer of each row: Fader and Hardie (2013), note 27.

    This form of equation 6 of Fader, Hardie and Lee adds only logarithms, so that large numbers of orders cause no
    overflow.
    """
    r, alpha, a, b = parameters
    x, has_repeated = histories.frequency, histories.frequency > 0
    log_age, log_recency = np.log(alpha + histories.age), np.log(alpha + histories.recency)
    common = (
        special.gammaln(r + x)
        - special.gammaln(r)
        + r * np.log(alpha)
        + special.gammaln(a + b)
        + special.gammaln(b + x)
        - special.gammaln(b)
        - special.gammaln(a + b + x)
    )
    before = np.where(has_repeated, b + x - 1, 1.0)
    alive = -(r + x) * log_age
    gone = np.where(has_repeated, np.log(a) - np.log(before) - (r + x) * log_recency, -np.inf)
    either = np.logaddexp(alive, gone)
    is_alive = np.exp(alive - either)
    is_gone = 1 - is_alive
    digamma = special.digamma
    scores = (
        r * (digamma(r + x) - digamma(r) + np.log(alpha) - is_alive * log_age - is_gone * log_recency),
        r - alpha * (r + x) * (is_alive / (alpha + histories.age) + is_gone / (alpha + histories.recency)),
        a * (digamma(a + b) - digamma(a + b + x)) + is_gone,
        b * (digamma(a + b) - digamma(b) + digamma(b + x) - digamma(a + b + x) - is_gone / before * has_repeated),
    )
    return Contributions(common + either, np.stack(scores, axis=1))


def probability_alive(parameters: Parameters, histories: Histories) -> Array:
    """Return, for each row, the probability that a customer is still alive. It is 1 for a customer with one order.

    Source: Fader and Hardie (2009), "Computing P(alive) Using the BG/NBD Model".
    """
    r, alpha, a, b = parameters
    x = histories.frequency
    longer = np.log(alpha + histories.age) - np.log(alpha + histories.recency)
    log_odds = np.log(np.where(x > 0, b + x - 1, 1.0)) - np.log(a) - (r + x) * longer
    return np.where(x > 0, special.expit(log_odds), 1.0)


def expected_orders(parameters: Parameters, histories: Histories, horizon: float) -> Array:
    """Return, for each row, a customer's expected number of orders in the next `horizon` units of time."""
    return probability_alive(parameters, histories) * _if_alive(parameters, histories, horizon, _mean)


def expected_pairs(parameters: Parameters, histories: Histories, horizon: float) -> Array:
    """Return, for each row, E[Y (Y - 1)], where Y is a customer's number of orders in the next `horizon` units of time.

    The variance of Y is E[Y (Y - 1)] + E[Y] - E[Y]^2.
    """
    return probability_alive(parameters, histories) * _if_alive(parameters, histories, horizon, _pairs)


def _if_alive(
    parameters: Parameters, histories: Histories, horizon: float, moment: Callable[[Array, Array, float], Array]
) -> Array:
    """Return, for each row, a moment of Y, the number of orders in the horizon, given that the customer is alive now.

    Equation 10 of Fader, Hardie and Lee has a hypergeometric function, which overflows or loses digits for many
    parameters. It follows from an integral over the probability to leave. This function computes the integral by
    Gauss-Jacobi quadrature, in which all terms are positive.
    """
    found = np.empty(len(histories.age))
    for frequency in np.unique(histories.frequency):
        rows = histories.frequency == frequency
        ages, row_ages = np.unique(histories.age[rows], return_inverse=True)
        leaving, weights = beta_quadrature(parameters.a, parameters.b + frequency)
        shape = parameters.r + frequency
        found[rows] = (moment(leaving, horizon / (parameters.alpha + ages)[:, None], shape) @ weights)[row_ages]
    return found


def _mean(leaving: Array, spans: Array, shape: float) -> Array:
    """Return E[Y] given the probability to leave. The rate is gamma distributed with the shape `shape`.

    `spans` is horizon / (alpha + age): the horizon times the scale of the rate's distribution.
    """
    mean: Array = -np.expm1(-shape * np.log1p(leaving * spans)) / leaving
    return mean


def _pairs(leaving: Array, spans: Array, shape: float) -> Array:
    """Return E[Y (Y - 1)] given the probability to leave. The parameters are those of `_mean`.

    Let L be the rate, P the probability to leave, and t the horizon. Then E[Y (Y - 1)] is 2 (1 - P) / P^2 times the
    probability that a Poisson variable is at least 2. The mean of this variable is L P t. Since L is gamma distributed,
    the variable is negative binomial.
    """
    passed = leaving * spans
    pairs: Array = 2 * (1 - leaving) / leaving**2 * special.betainc(2, shape, passed / (1 + passed))
    return pairs


@lru_cache(maxsize=1024)
def beta_quadrature(a: float, b: float) -> tuple[Array, Array]:
    """Return nodes and weights such that the weighted sum of f(nodes) is E[f(P)] for a beta distributed P.

    Golub and Welsch (1969): the nodes are the eigenvalues of the matrix of the Jacobi polynomials' recurrence.
    """
    steps = np.arange(1, _NODES)
    degree = 2 * steps + a + b
    diagonal = np.empty(_NODES)
    diagonal[0] = a / (a + b)
    diagonal[1:] = (1 + (a - b) * (a + b - 2) / (degree - 2) / degree) / 2
    beside = np.empty(_NODES - 1)
    beside[0] = np.sqrt(a * b / (a + b + 1)) / (a + b)
    higher, degree = steps[1:], degree[1:] - 2
    squares = higher * (higher + a - 1) * (higher + b - 1) * (higher + a + b - 2) / (degree**2 * (degree**2 - 1))
    beside[1:] = np.sqrt(squares)
    nodes, vectors = eigh_tridiagonal(diagonal, beside, lapack_driver="stemr")
    # Because of rounding, the lowest node may be below 0.
    return np.clip(nodes, 1e-12, 1.0), vectors[0] ** 2
