"""Simulate how customers respond to a campaign with a known effect.

The number of a customer's orders is a Poisson variable. Without the campaign, the mean of this variable is drawn from a
gamma distribution of shape SHAPE, so few customers make most orders. The mean increases with the customer's predicted
probability. The average of the means of all customers is ORDERS. The campaign multiplies the mean by 1 + LIFT if the
customer is treated and can be reached. So

    P(orders)           = 1 - exp(-mean)
    effect on P(orders) = the mean of exp(-mean) - exp(-(1 + LIFT) mean) over the customers who are compared

Customers also visit without ordering. The content of an order does not depend on the campaign.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from demo import generator
from demo.catalogue import MICROS
from demo.schema import DayFile
from demo.visitors import BUYER, DIRECT, LOOKER, VISIT, Array

ORDERS: Final = 0.15
SHAPE: Final = 0.5
LIFT: Final = 0.6
# Mean number of a customer's visits without an order.
LOOKS: Final = 0.5
# Visits begin between these hours, so that few visits cross midnight.
HOURS: Final = (8, 22)


@dataclass(frozen=True)
class Customer:
    """A customer of the campaign: all visitor ids, the predicted probability, and how the customer was assigned.

    `is_compared` is False if no channel may reach the customer.
    """

    visitor_ids: tuple[str, ...]
    probability: float
    is_treated: bool
    is_compared: bool


@dataclass(frozen=True)
class Answer:
    """The day-tables with the customers' responses, and the true effects per treated customer.

    `conversion` is the exact effect on the probability of an order. `orders` is the effect on the number of orders.
    `amount` is the mean revenue of an order.
    """

    day_files: list[DayFile]
    conversion: float
    orders: float
    amount: float

    def effects(self, margin: float, cost_per_order: float) -> dict[str, float]:
        """Return the true effect on each outcome."""
        return {
            "conversion": self.conversion,
            "revenue": self.orders * self.amount,
            "profit": self.orders * (margin * self.amount - cost_per_order),
        }


def answer(seed: int, customers: Sequence[Customer], first_day: dt.date, days: int, folder: Path) -> Answer:
    """Draw what the customers do on `days` days from `first_day` on, and write the day-tables to `folder`."""
    rng = np.random.default_rng(seed)
    means = _means(rng, customers)
    is_reached = np.array([one.is_treated and one.is_compared for one in customers])
    orders = rng.poisson(means * np.where(is_reached, 1 + LIFT, 1))
    looks = rng.poisson(LOOKS, len(customers))
    visits = _visits(rng, customers, orders, looks, days)
    day_files = generator.write(rng, _by_day(visits, first_day, days), first_day, folder)
    compared = means[[one.is_compared for one in customers]]
    return Answer(
        day_files,
        float(np.mean(np.exp(-compared) - np.exp(-(1 + LIFT) * compared))),
        float(LIFT * np.mean(compared)),
        _amount(day_files),
    )


def _means(rng: np.random.Generator, customers: Sequence[Customer]) -> Array:
    """Draw each customer's mean number of orders without the campaign."""
    ranks = np.argsort(np.argsort([one.probability for one in customers]))
    by_rank = 2 * (ranks + 0.5) / len(customers)
    means: Array = ORDERS * by_rank * rng.gamma(SHAPE, 1 / SHAPE, len(customers))
    return means


def _visits(rng: np.random.Generator, customers: Sequence[Customer], orders: Array, looks: Array, days: int) -> Array:
    who = np.repeat(np.arange(len(customers)), orders + looks)
    visits = np.zeros(len(who), VISIT)
    is_order = np.concatenate([np.arange(one + other) < one for one, other in zip(orders, looks, strict=True)])
    visits["kind"] = np.where(is_order, BUYER, LOOKER)
    # A random visitor id of the customer.
    visits["visitor"] = [int(rng.choice(customers[one].visitor_ids)) for one in who.tolist()]
    visits["day"] = rng.integers(0, days, len(who))
    visits["second"] = rng.integers(HOURS[0] * 3600, HOURS[1] * 3600, len(who))
    # Any number above 1 marks a later visit. The chain computes the numbers of visits itself.
    visits["number"] = 2
    visits["channel"], visits["direct"] = DIRECT, True
    return visits


def _by_day(visits: Array, first_day: dt.date, days: int) -> Iterator[tuple[dt.date, Array]]:
    for number in range(days):
        today = visits[visits["day"] == number]
        yield first_day + dt.timedelta(number), today[np.argsort(today["second"], kind="stable")]


def _amount(day_files: Sequence[DayFile]) -> float:
    """Return the mean revenue of an order in `day_files`."""
    paid = orders = 0.0
    for file in day_files:
        totals = pq.read_table(file.path, columns=["totals"]).column("totals").combine_chunks()
        paid += pc.sum(totals.field("totalTransactionRevenue")).as_py() or 0
        orders += pc.sum(totals.field("transactions")).as_py() or 0
    return paid / orders / MICROS if orders else 0.0
