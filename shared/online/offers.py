"""Which offer a probability earns: a pure function."""

from typing import Literal


def offer(probability: float, coupon_from: float, coupon_below: float) -> Literal["none", "coupon", "full_price"]:
    """Return the offer that a probability earns: a coupon inside the band, the full price above it.

    The rule of sql/scoring/scores.sql, for one visitor.
    """
    if probability >= coupon_below:
        return "full_price"
    return "coupon" if probability >= coupon_from else "none"
