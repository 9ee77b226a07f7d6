"""Each new visitor's true probability to buy on a return visit. Only the generator knows it; no table contains it.

The probability is conditional on the visitor's intent and curiosity (`visitors`), which are fixed from the first visit
on. Later actions depend on the first visit only through these two values. So on average, no model of the first visit
can predict better than this probability. A model that does not see the two values predicts worse, by an unknown amount.

The probability is not conditional on the visitor's returns, because the first visit does not decide them. The number of
returns is a Poisson variable of mean `return_rate`. A return lies at most `days` whole days after the first visit with
probability 1 - exp(-(days + 1) / MEAN_GAP_DAYS). The return ends with a purchase with probability `buying`. All these
events are independent. So the number of purchases on returns within the days is a Poisson variable too. This number is
above 0 with the probability

    P(buys on a return visit) = 1 - exp(-return_rate buying (1 - exp(-(days + 1) / MEAN_GAP_DAYS)))

The formula ignores two rare events: the generator drops a return within 90 minutes of the visitor's previous return,
and a return on a day that already has its number of visits.
"""

import datetime as dt

import numpy as np

from demo.behaviour import buying
from demo.rows import visitor_ids
from demo.visitors import MEAN_GAP_DAYS, STAFF, Array, return_rate


class Truth:
    """The true probabilities of the new visitors. First pass all visits to `see`, then call `probability`.

    For each visitor, the object holds the day of the first visit and the expected number of purchases on all later
    visits together.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[dt.date, float]] = {}

    def see(self, day: dt.date, visits: Array) -> None:
        """Store the visitors whose first visit is among `visits`. Staff are left out, as in the chain."""
        first = visits[(visits["number"] == 1) & (visits["kind"] != STAFF)]
        purchases = purchases_on_returns(first)
        self._known |= {
            visitor: (day, mean)
            for visitor, mean in zip(visitor_ids(first).to_pylist(), purchases.tolist(), strict=True)
        }

    def probability(self, visitor_id: str, label_days: int, as_of: dt.date) -> float | None:
        """Return the probability of a purchase on a return at most `label_days` days after the first visit.

        Days after `as_of` do not count. Return None for a visitor whose first visit was not generated.
        """
        if visitor_id not in self._known:
            return None
        day, purchases = self._known[visitor_id]
        days = min(label_days, (as_of - day).days)
        return float(-np.expm1(purchases * np.expm1(-(days + 1) / MEAN_GAP_DAYS)))


def purchases_on_returns(first: Array) -> Array:
    """Return the mean number of purchases on all return visits for each visitor; `first` holds their first visits."""
    later = first.copy()
    later["number"] = 2
    purchases: Array = return_rate(first) * buying(later)
    return purchases
