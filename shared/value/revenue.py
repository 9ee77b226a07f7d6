"""Forecast the orders and the revenue of many customers together, with an interval for the actual sum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from shared.value import bgnbd, gamma_gamma
from shared.value.fitting import STEP, Array

if TYPE_CHECKING:
    from collections.abc import Callable

_Z = NormalDist().inv_cdf(0.975)
# `math.exp` of a larger number would overflow.
_LARGEST_EXPONENT = 700


@dataclass(frozen=True)
class Forecast:
    """A forecast sum over customers: the sum's expected value, and the two parts of its variance.

    `of_fit` is the part of the variance that the errors of the estimated parameters cause. `of_chance` is the part that
    the customers' random behaviour causes.
    """

    expected: float
    of_fit: float
    of_chance: float

    @property
    def lower(self) -> float:
        """The lower bound of the 95 % interval for the actual sum."""
        return self.expected / self._factor

    @property
    def upper(self) -> float:
        """The upper bound of the 95 % interval for the actual sum."""
        return self.expected * self._factor

    @property
    def _factor(self) -> float:
        # The interval is that of a lognormal distribution, because a sum of orders cannot be negative.
        if not self.expected:
            return 1.0
        exponent = _Z * math.sqrt(self.of_fit + self.of_chance) / self.expected
        return math.exp(exponent) if exponent < _LARGEST_EXPONENT else math.inf


def orders(fitted: bgnbd.Fitted, histories: bgnbd.Histories, horizon: float) -> Forecast:
    """Forecast the number of orders of all customers in the next `horizon` units of time."""
    customers = histories.customers
    mean = bgnbd.expected_orders(fitted.parameters, histories, horizon)
    variance = bgnbd.expected_pairs(fitted.parameters, histories, horizon) + mean - mean**2
    of_fit = _variance_of_orders(fitted, histories, horizon, customers)
    return Forecast(float(customers @ mean), of_fit, float(customers @ variance))


def revenue(
    fitted: bgnbd.Fitted, values: gamma_gamma.Fitted, histories: bgnbd.Histories, mean_value: Array, horizon: float
) -> Forecast:
    """Forecast the undiscounted revenue of all customers in the next `horizon` units of time.

    `mean_value` is the mean value of the orders after the first, for each row of `histories`. A customer's expected
    revenue is expected orders * expected value, because the models assume that orders and values are independent.
    """
    customers, frequency = histories.customers, histories.frequency
    mean = bgnbd.expected_orders(fitted.parameters, histories, horizon)
    pairs = bgnbd.expected_pairs(fitted.parameters, histories, horizon)
    value = gamma_gamma.expected_value(values.parameters, frequency, mean_value)
    square, product = gamma_gamma.expected_products(values.parameters, frequency, mean_value)

    def total(parameters: Array) -> float:
        value = gamma_gamma.expected_value(gamma_gamma.Parameters(*parameters), frequency, mean_value)
        return float((customers * mean) @ value)

    of_fit = _variance_of_orders(fitted, histories, horizon, customers * value)
    of_fit += _delta(total, values.parameters, values.covariance)
    of_chance = customers @ (mean * square + pairs * product - (mean * value) ** 2)
    return Forecast(float(customers @ (mean * value)), of_fit, float(of_chance))


def _variance_of_orders(fitted: bgnbd.Fitted, histories: bgnbd.Histories, horizon: float, weights: Array) -> float:
    """Return the variance of the sum of `weights` * expected orders, caused by errors of the estimated parameters."""

    def total(parameters: Array) -> float:
        return float(weights @ bgnbd.expected_orders(bgnbd.Parameters(*parameters), histories, horizon))

    return _delta(total, fitted.parameters, fitted.covariance)


def _delta(
    function: Callable[[Array], float], parameters: bgnbd.Parameters | gamma_gamma.Parameters, covariance: Array
) -> float:
    """Return the variance of a function of estimated parameters, by the delta method (Oehlert 1992).

    `covariance` is the covariance of the parameters' logarithms. Therefore the derivatives are with respect to these
    logarithms.
    """
    at = np.array(parameters)
    steps = np.exp(STEP * np.eye(len(at)))
    slopes = np.array([(function(at * step) - function(at / step)) / (2 * STEP) for step in steps])
    return float(slopes @ covariance @ slopes)
