"""What the generator knows and no table tells: each new visitor's true probability to buy on a return visit.

It is the probability given the visitor's intent and curiosity (`visitors`), which are fixed from the first visit on.
What happens later depends on the first visit only through these two. So on average no model of the first visit can be
better. A model that does not see the two stays below by an amount that is not known.

Whether and when the visitor returns is not part of the condition, because it is not decided at the first visit. The
number of returns is a Poisson variable of mean `return_rate`. A return lies at most `days` whole days after the first
visit with probability 1 - exp(-(days + 1) / MEAN_GAP_DAYS), and ends with a purchase with probability `buying`, all
independently. So the number of purchases on returns within the days is a Poisson variable too, and

    P(buys on a return visit) = 1 - exp(-return_rate buying (1 - exp(-(days + 1) / MEAN_GAP_DAYS)))

Two rare events are left out: a return within 90 minutes of another is dropped, and so are returns to a crowded day.
"""

import datetime as dt

import numpy as np

from demo.behaviour import buying
from demo.rows import visitor_ids
from demo.visitors import MEAN_GAP_DAYS, STAFF, Array, return_rate


class Truth:
    """Each new visitor's first day and mean number of purchases on returns, whenever they are."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[dt.date, float]] = {}

    def see(self, day: dt.date, visits: Array) -> None:
        """Keep what the day's first visits tell; staff are left out, as the chain leaves them out."""
        first = visits[(visits["number"] == 1) & (visits["kind"] != STAFF)]
        purchases = purchases_on_returns(first)
        self._known |= {
            visitor: (day, mean)
            for visitor, mean in zip(visitor_ids(first).to_pylist(), purchases.tolist(), strict=True)
        }

    def probability(self, visitor_id: str, label_days: int, as_of: dt.date) -> float | None:
        """Return the probability of a purchase on a return at most `label_days` days after the first visit.

        Later days than `as_of` do not count. None for a visitor whose first visit was not seen.
        """
        if visitor_id not in self._known:
            return None
        day, purchases = self._known[visitor_id]
        days = min(label_days, (as_of - day).days)
        return float(-np.expm1(purchases * np.expm1(-(days + 1) / MEAN_GAP_DAYS)))


def purchases_on_returns(first: Array) -> Array:
    """Return how many purchases each newcomer makes on return visits on average."""
    later = first.copy()
    later["number"] = 2
    purchases: Array = return_rate(first) * buying(later)
    return purchases
