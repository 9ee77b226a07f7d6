"""Simulated customers who order as the models of shared/value assume. The true parameters of the models are known.

A benchmark and tests use these customers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.value import bgnbd, gamma_gamma

type Array = npt.NDArray[np.float64]

# The parameters that published papers found for the customers of the shop CDNOW, in weeks and dollars.
ORDERS = bgnbd.Parameters(0.243, 4.414, 0.793, 2.426)
VALUES = gamma_gamma.Parameters(6.25, 3.74, 15.44)


@dataclass(frozen=True)
class Buyers:
    """The history of each customer until today, and the customer's orders and revenue in the horizon after today."""

    histories: bgnbd.Histories
    mean_value: Array
    orders: Array
    revenue: Array

    @property
    def values(self) -> gamma_gamma.Values:
        """The mean values of repeat orders, for the customers who have repeat orders."""
        again = self.histories.frequency > 0
        return gamma_gamma.Values(
            self.histories.frequency[again], self.mean_value[again], self.histories.customers[again]
        )


def draw(
    count: int,
    horizon: float,
    random: np.random.Generator,
    orders: bgnbd.Parameters = ORDERS,
    values: gamma_gamma.Parameters = VALUES,
) -> Buyers:
    """Return `count` customers whose first order was 27 to 39 weeks ago, as in the CDNOW data.

    The horizon is in weeks.
    """
    age = random.integers(27 * 7, 39 * 7, count, endpoint=True) / 7
    rate = random.gamma(orders.r, 1 / orders.alpha, count)
    leaving = random.beta(orders.a, orders.b, count)
    time, frequency, recency, later = np.zeros((4, count))
    alive = np.ones(count, dtype=bool)
    while alive.any():
        time[alive] += random.exponential(1, alive.sum()) / np.maximum(rate[alive], 1e-300)
        alive &= time <= age + horizon
        before = alive & (time <= age)
        frequency[before] += 1
        recency[before] = time[before]
        later[alive & ~before] += 1
        alive &= random.random(count) >= leaving
    scale = 1 / random.gamma(values.q, 1 / values.gamma, count)
    total, revenue = (np.where(n > 0, random.gamma(values.p * np.maximum(n, 1)), 0) * scale for n in (frequency, later))
    return Buyers(
        bgnbd.Histories(frequency, recency, age, np.ones(count)), total / np.maximum(frequency, 1), later, revenue
    )
