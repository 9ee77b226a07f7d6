"""Choose the offer for a probability, by the rules of `settings.policy`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from shared.audience_settings import Policy

ABOVE_ALL = 2.0
"""A threshold that no probability reaches."""


class Thresholds(NamedTuple):
    """The lowest probabilities for a coupon and for the full price. ABOVE_ALL means that no visitor gets this offer."""

    coupon: float
    full_price: float


def thresholds(policy: "Policy", percentiles: Sequence[float]) -> Thresholds:
    """Return the thresholds of a policy for a model.

    `percentiles` holds, for p = 1, 2, ... 99, the lowest probability among the p percent of the model's test visitors
    with the highest probabilities. Models that older releases deployed have no percentiles: then a policy of kind
    `quantile` gives no offers.
    """
    if policy.kind == "band":
        return Thresholds(policy.coupon_from, policy.coupon_below)
    if not percentiles:
        return Thresholds(ABOVE_ALL, ABOVE_ALL)
    at_full_price = policy.full_price_percent
    return Thresholds(_lowest(at_full_price + policy.coupon_percent, percentiles), _lowest(at_full_price, percentiles))


def _lowest(percent: int, percentiles: Sequence[float]) -> float:
    """Return the lowest probability among the `percent` % of visitors with the highest ones; ABOVE_ALL for 0 %."""
    if percent == 0:
        return ABOVE_ALL
    return 0.0 if percent == 100 else percentiles[percent - 1]


def offer(probability: float, least: Thresholds) -> Literal["none", "coupon", "full_price"]:
    """Return the offer for a probability. sql/scoring/scores.sql has the same rule."""
    if probability >= least.full_price:
        return "full_price"
    return "coupon" if probability >= least.coupon else "none"
