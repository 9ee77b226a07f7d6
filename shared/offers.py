"""Choose the offer for a probability."""

from typing import Literal


def offer(probability: float, coupon_from: float, coupon_below: float) -> Literal["none", "coupon", "full_price"]:
    """Return a coupon from `coupon_from` to below `coupon_below`, the full price above, otherwise none.

    The same rule as in sql/scoring/scores.sql, for one visitor.
    """
    if probability >= coupon_below:
        return "full_price"
    return "coupon" if probability >= coupon_from else "none"
