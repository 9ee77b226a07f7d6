"""The effect of a campaign and the intervals of the effect are computed from sums in each arm."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from shared.campaign.effects import Sums, effect, slope

# Draws the customers of an arm. A customer is (outcome, amount before the campaign). Many amounts are 0.
AMOUNTS = st.sampled_from((0.0, 0.0, 0.01, 1.0, 7.5, 40.0, 999.99))
CUSTOMERS = st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=2, max_size=8)
examples = settings(max_examples=40, deadline=None)


def sums(outcomes, before=None):
    values = np.asarray(outcomes, float)
    earlier = np.zeros(len(values)) if before is None else np.asarray(before, float)
    return Sums(
        customers=len(values),
        total=float(values.sum()),
        magnitude=float(np.abs(values).sum()),
        squares=float(values @ values),
        before=float(earlier.sum()),
        before_squares=float(earlier @ earlier),
        products=float(values @ earlier),
    )


def buyers(count, customers):
    return Sums(customers, count, count, count)


def arms(random, treated, control, share=0.2, explained=0.7):
    """Draw a treated and a control arm. The outcomes of customers depend on their earlier spending."""

    def arm(customers, more):
        before = random.gamma(0.5, 40, customers)
        spent = explained * before + random.gamma(1, 20, customers) + more
        return np.where(random.random(customers) < share, spent, 0), before

    return arm(treated, 5), arm(control, 0)


def test_with_many_buyers_in_both_arms_the_interval_agrees_with_welchs():
    (treated, _), (control, _) = arms(np.random.default_rng(1), 60_000, 40_000, share=0.5)
    expected = stats.ttest_ind(treated, control, equal_var=False).confidence_interval()
    found = effect(sums(treated), sums(control)).difference
    assert found.value == pytest.approx(treated.mean() - control.mean())
    assert (found.lower, found.upper) == pytest.approx(expected, rel=0.01)


def test_conversions_have_the_intervals_that_statsmodels_gives_rates():
    """The expected values are from confint_proportions_2indep of statsmodels 0.15.0.

    Its method is "newcomb" for the difference of the rates, and "log" for their ratio.
    """
    found = effect(buyers(2292, 64_800), buyers(216, 7_200))
    assert (found.difference.lower, found.difference.upper) == pytest.approx((0.000947, 0.009341), abs=1e-4)
    assert (1 + found.relative.lower, 1 + found.relative.upper) == pytest.approx((1.027694, 1.352611), rel=0.005)


def test_with_few_buyers_students_t_widens_the_interval_of_a_mean():
    """The treated arm is so large that it adds no uncertainty, so the interval depends on the control mean alone."""
    found = effect(buyers(3_000_000_000, 100_000_000_000), buyers(6, 200)).difference
    error = math.sqrt(0.03 * 0.97 / 199)
    exponent = stats.t.ppf(0.975, 5) / math.sqrt(6)
    assert found.value - found.lower == pytest.approx(error * math.sqrt(6) * math.expm1(exponent), rel=0.01)
    assert found.upper - found.value == pytest.approx(error * math.sqrt(6) * -math.expm1(-exponent), rel=0.01)


@pytest.mark.parametrize("control", [200, 2000])
def test_an_interval_misses_the_truth_equally_often_on_both_sides_with_a_small_control_group(control):
    random = np.random.default_rng(control)
    runs, rate = 2000, 0.05
    counts = zip(random.binomial(9 * control, rate * 1.2, runs), random.binomial(control, rate, runs), strict=True)
    found = [effect(buyers(int(a), 9 * control), buyers(int(b), control)).difference for a, b in counts]
    above = sum(one.lower > 0.01 for one in found) / runs
    below = sum(one.upper < 0.01 for one in found) / runs
    assert 0.02 < above + below < 0.07
    assert max(above, below) < 0.04


def test_the_adjusted_difference_agrees_with_a_regression_on_the_arm_and_earlier_spending():
    (treated, before), (control, control_before) = arms(np.random.default_rng(2), 300, 100)
    outcomes, earlier = np.concatenate([treated, control]), np.concatenate([before, control_before])
    columns = np.column_stack([np.repeat([1, 0], [300, 100]), earlier, np.ones(400)])
    (difference, theta, _), *_ = np.linalg.lstsq(columns, outcomes)
    both = sums(treated, before), sums(control, control_before)
    assert slope(*both) == pytest.approx(theta)
    assert effect(*both).difference.value == pytest.approx(difference)


def test_a_covariate_explains_the_squared_correlation_and_narrows_the_interval():
    random = np.random.default_rng(3)
    (treated, before), (control, control_before) = arms(random, 20_000, 20_000, share=1)
    plain = effect(sums(treated), sums(control))
    adjusted = effect(sums(treated, before), sums(control, control_before))
    assert plain.explained == 0
    assert adjusted.explained == pytest.approx(np.corrcoef(control, control_before)[0, 1] ** 2, abs=0.02)
    width, before_width = (one.difference.upper - one.difference.lower for one in (adjusted, plain))
    assert width / before_width == pytest.approx(math.sqrt(1 - adjusted.explained), rel=0.01)


def test_equal_earlier_spending_of_all_customers_changes_nothing():
    (treated, _), (control, _) = arms(np.random.default_rng(4), 300, 100)
    same = [np.full(len(arm), 7.0) for arm in (treated, control)]
    assert effect(sums(treated, same[0]), sums(control, same[1])) == effect(sums(treated), sums(control))


@examples
@given(CUSTOMERS, CUSTOMERS)
def test_the_relative_effect_contains_0_if_and_only_if_the_difference_does(treated, control):
    found = effect(*(sums(*zip(*arm, strict=True)) for arm in (treated, control)))
    assume(found.relative is not None)
    # Both intervals must be above 0, both below 0, or both must contain 0. Because of the small limits, a bound that
    # differs from 0 only by rounding counts as 0.
    assert (found.difference.lower > 1e-9) == (found.relative.lower > 1e-12)
    assert (found.difference.upper < -1e-9) == (found.relative.upper < -1e-12)


@examples
@given(CUSTOMERS, CUSTOMERS)
def test_an_interval_contains_its_value_and_arms_that_change_places_change_its_sign(treated, control):
    first, second = (sums(*zip(*arm, strict=True)) for arm in (treated, control))
    found, turned = effect(first, second), effect(second, first)
    assert found.difference.lower <= found.difference.value <= found.difference.upper
    value, lower, upper = turned.difference
    assert found.difference == pytest.approx((-value, -upper, -lower))
    if found.relative:
        assert found.relative.lower <= found.relative.value <= found.relative.upper


@pytest.mark.parametrize("control", [20, 400])
def test_another_currency_changes_the_difference_in_proportion_and_nothing_else(control):
    (treated, before), (untreated, control_before) = arms(np.random.default_rng(5), 900, control)
    euros = effect(sums(treated, before), sums(untreated, control_before))
    cents = effect(sums(100 * treated, 100 * before), sums(100 * untreated, 100 * control_before))
    assert cents.difference == pytest.approx([100 * bound for bound in euros.difference])
    assert cents.relative == pytest.approx(euros.relative)
    assert cents.explained == pytest.approx(euros.explained)


def test_an_arm_in_which_nobody_bought_leaves_all_effects_possible():
    found = effect(buyers(30, 900), buyers(0, 100))
    assert tuple(found.difference) == (pytest.approx(1 / 30), -math.inf, math.inf)
    assert found.relative is None


def test_one_customer_has_no_variance():
    assert effect(buyers(30, 900), buyers(1, 1)).difference.upper == math.inf


def test_profit_may_be_a_loss():
    profits = np.array([-3.0, 40, -1, 12] * 50 + [0.0] * 1000)
    found = effect(sums(profits - 1), sums(profits))
    assert found.difference.value == pytest.approx(-1)
    assert found.difference.lower < -1 < found.difference.upper < 1
    assert effect(sums(profits), sums(profits - 20)).relative is None


def test_an_empty_arm_is_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match="an arm has no customers, so there is nothing to compare; wait"):
        effect(buyers(3, 100), Sums(0, 0, 0, 0))
