"""The Qini curve of a campaign, and the return on the campaign's cost."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.campaign.effects import Interval, Sums
from shared.campaign.uplift import Stratum, incremental_return, qini


def buyers(count, customers):
    return Sums(int(customers), int(count), int(count), int(count))


ARMS = st.builds(buyers, st.integers(1, 20), st.sampled_from((20, 90, 500)))
STRATA = st.lists(st.builds(Stratum, ARMS, ARMS), min_size=1, max_size=5)


@settings(max_examples=30, deadline=None)
@given(STRATA)
def test_the_coefficient_is_the_area_between_the_curve_and_the_straight_line(strata):
    found = qini(strata)
    shares = [0, *(point.share for point in found.curve)]
    gains = [0, *(point.gain.value for point in found.curve)]
    assert shares[-1] == pytest.approx(1)
    assert found.coefficient.value == pytest.approx(np.trapezoid(gains, shares) - gains[-1] / 2, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(STRATA)
def test_the_end_of_the_curve_is_the_effect_weighted_by_the_customers(strata):
    effects = [stratum.treated.mean - stratum.control.mean for stratum in strata]
    sizes = [stratum.customers for stratum in strata]
    assert qini(strata).curve[-1].gain.value == pytest.approx(np.average(effects, weights=sizes), abs=1e-12)


def test_an_effect_that_is_the_same_in_all_deciles_has_no_area():
    strata = [Stratum(buyers(150 - 10 * decile, 1000), buyers(130 - 10 * decile, 1000)) for decile in range(10)]
    assert qini(strata).coefficient.value == pytest.approx(0, abs=1e-12)


def test_an_effect_in_the_first_deciles_has_an_area_and_one_in_the_last_a_negative_one():
    strata = [Stratum(buyers(200 if decile < 3 else 100, 1000), buyers(100, 1000)) for decile in range(10)]
    assert qini(strata).coefficient.lower > 0
    assert qini(strata[::-1]).coefficient.upper < 0


def test_the_variance_is_that_of_simulated_campaigns():
    random = np.random.default_rng(1)
    rates = np.linspace(0.2, 0.02, 10)
    drawn = zip(random.binomial(900, rates * 1.3, (1000, 10)), random.binomial(100, rates, (1000, 10)), strict=True)
    found = [
        qini([Stratum(buyers(a, 900), buyers(b, 100)) for a, b in zip(*counts, strict=True)]).coefficient
        for counts in drawn
    ]
    true = np.sum(0.1 * 0.3 * rates * (0.5 - np.arange(0.05, 1, 0.1)))
    assert np.mean([one.variance for one in found]) == pytest.approx(np.var([one.value for one in found]), rel=0.12)
    assert 0.03 < np.mean([not one.lower <= true <= one.upper for one in found]) < 0.07


def test_a_decile_that_lacks_an_arm_has_no_curve():
    whole = Stratum(buyers(10, 100), buyers(1, 10))
    assert qini([whole, Stratum(buyers(10, 100), buyers(0, 0))]) is None
    assert qini([]) is None


def test_without_a_buyer_in_the_control_group_any_qini_curve_is_possible():
    strata = [Stratum(buyers(10, 100), buyers(0, 10)), Stratum(buyers(5, 100), buyers(2, 10))]
    first, second = qini(strata).curve
    assert first.gain.variance == math.inf
    assert math.isfinite(second.gain.variance)


def test_the_return_is_incremental_profit_minus_cost_divided_by_cost():
    found = incremental_return(Interval(0.5, -0.1, 1.1), treated=9000, cost=3000)
    assert tuple(found) == pytest.approx((0.5, -1.3, 2.3))


def test_a_campaign_without_cost_has_no_return():
    with pytest.raises(ValueError, match="the cost is 0; it must be above 0"):
        incremental_return(Interval(0.5, -0.1, 1.1), treated=9000, cost=0)
