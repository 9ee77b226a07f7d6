"""Which offer a visitor with a given probability gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audience_settings import Policy
from shared.offers import Thresholds, offer, thresholds

OFFERS = ["none", "coupon", "full_price"]
shares = st.floats(0, 1)
quantiles = st.builds(
    Policy, kind=st.just("quantile"), full_price_percent=st.integers(0, 50), coupon_percent=st.integers(1, 50)
)


def percentiles(probabilities):
    """Compute the percentiles of probabilities as sql/deployment/percentiles.sql does."""
    falling = sorted(probabilities, reverse=True)
    return [falling[-(-percent * len(falling) // 100) - 1] for percent in range(1, 100)]


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, "none"), (0.4999, "none"), (0.5, "coupon"), (0.7999, "coupon"), (0.8, "full_price"), (1.0, "full_price")],
)
def test_at_a_limit_between_two_offers_the_higher_offer_is_made(probability, expected):
    assert offer(probability, thresholds(Policy(), [])) == expected


@given(st.tuples(shares, shares).map(sorted), shares, shares)
def test_a_higher_probability_never_gets_a_lower_offer(band, one, other):
    lower, higher = sorted([one, other])
    assert OFFERS.index(offer(lower, Thresholds(*band))) <= OFFERS.index(offer(higher, Thresholds(*band)))


@given(quantiles, st.lists(shares, min_size=1, max_size=300, unique=True))
def test_a_quantile_policy_gives_its_shares_of_the_test_visitors_their_offers(policy, probabilities):
    least = thresholds(policy, percentiles(probabilities))
    offers = [offer(probability, least) for probability in probabilities]
    for expected, percent in (("full_price", policy.full_price_percent), ("coupon", policy.coupon_percent)):
        assert abs(offers.count(expected) - percent / 100 * len(probabilities)) < 1


def test_all_visitors_below_the_top_may_get_a_coupon():
    least = thresholds(Policy("quantile", full_price_percent=1, coupon_percent=99), percentiles([0.0, 0.1, 0.2]))
    assert [offer(probability, least) for probability in (0.0, 0.1, 0.2)] == ["coupon", "coupon", "full_price"]


def test_if_a_models_percentiles_are_unknown_a_quantile_policy_offers_nothing():
    assert offer(1.0, thresholds(Policy("quantile"), [])) == "none"
