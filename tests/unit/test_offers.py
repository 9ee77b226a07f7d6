"""Which offer a probability earns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.online.offers import offer

shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, "none"), (0.4999, "none"), (0.5, "coupon"), (0.7999, "coupon"), (0.8, "full_price"), (1.0, "full_price")],
)
def test_a_border_belongs_to_the_higher_offer(probability, expected):
    assert offer(probability, 0.5, 0.8) == expected


@given(st.tuples(shares, shares).map(sorted), shares, shares)
def test_a_higher_probability_never_gets_a_lower_offer(band, one, other):
    order = ["none", "coupon", "full_price"]
    lower, higher = sorted([one, other])
    assert order.index(offer(lower, *band)) <= order.index(offer(higher, *band))
