"""The size, power and duration of a planned campaign."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.campaign import anytime
from shared.campaign.effects import Sums, effect
from shared.campaign.planning import Plan, customers_after, days
from shared.chain.intervals import Z

PLANS = st.builds(
    Plan, st.floats(0.001, 0.3), st.one_of(st.none(), st.floats(0.05, 3)), control_share=st.floats(0.02, 0.9)
)
POWERS = st.floats(0.5, 0.99)


@settings(max_examples=40)
@given(PLANS, st.floats(0.01, 1), POWERS)
def test_size_and_power_are_inverse_functions(plan, relative, power):
    customers = plan.customers(relative, power)
    assert plan.power(relative, customers) >= power - 1e-9
    assert customers == 1 or plan.power(relative, customers - 1) < power
    found = plan.detectable(customers, power)
    assert found <= relative * (1 + 1e-9)
    assert plan.power(found, customers) == pytest.approx(power)


def test_a_plan_has_its_promised_power():
    random = np.random.default_rng(1)
    plan = Plan(0.03, control_share=0.1)
    customers = plan.customers(0.3)
    control = customers // 10
    shown = 0
    for treated_buyers, control_buyers in zip(
        random.binomial(customers - control, 0.039, 2000), random.binomial(control, 0.03, 2000), strict=True
    ):
        arms = (Sums(size, n, n, n) for size, n in ((customers - control, treated_buyers), (control, control_buyers)))
        shown += effect(*arms).difference.lower > 0
    assert 0.78 < shown / 2000 < 0.84


def test_for_equal_arms_and_a_small_effect_the_size_agrees_with_statsmodels():
    """The expected sizes are from statsmodels 0.15.0.

    The first is from its function samplesize_proportions_2indep_onetail, the second from its class NormalIndPower.
    """
    assert Plan(0.03, control_share=0.5).customers(0.02) == pytest.approx(2_562_387, rel=0.005)
    assert Plan(10, 20, control_share=0.5).customers(0.01) == pytest.approx(1_255_818, rel=0.015)


def test_the_documentation_shows_the_computed_sizes():
    page = (Path(__file__).parents[2] / "docs/measuring.md").read_text()
    rows = re.findall(r"(?m)^\| \+(\d+) % \| (.+) \|$", page)
    plans = [Plan(0.03, control_share=share, quantile=at) for share in (0.1, 0.5) for at in (Z, anytime.AT_PLAN)]
    assert rows == [
        (percent, " | ".join(f"{plan.customers(int(percent) / 100):,}" for plan in plans)) for percent, _ in rows
    ]
    assert len(rows) == 4


def test_a_control_group_of_a_tenth_needs_almost_three_times_as_many_customers():
    sizes = [Plan(0.03, control_share=share).customers(0.1) for share in (0.1, 0.5)]
    assert sizes[0] / sizes[1] == pytest.approx(0.25 / (0.1 * 0.9), rel=0.06)


def test_looking_at_any_time_needs_almost_twice_as_many():
    sizes = [Plan(0.03, quantile=quantile).customers(0.1) for quantile in (anytime.AT_PLAN, Z)]
    assert sizes[0] / sizes[1] == pytest.approx((3.035 + 0.842) ** 2 / (1.96 + 0.842) ** 2, rel=0.001)


def test_with_very_few_customers_no_effect_on_conversions_could_be_shown():
    assert Plan(0.5).detectable(5) is None
    assert Plan(0.5, 2.0).detectable(5) > 1


@settings(max_examples=50)
@given(st.integers(1, 100_000), st.integers(0, 50_000), st.integers(1, 5000), st.integers(0, 60))
def test_a_campaign_lasts_until_enough_outcomes_are_known_and_no_day_longer(customers, on_first_day, per_day, outcome):
    found = days(customers, on_first_day, per_day, outcome)
    assert customers_after(found, on_first_day, per_day, outcome) >= customers
    assert customers_after(found - 1, on_first_day, per_day, outcome) < customers


def test_without_new_customers_a_campaign_never_has_enough_customers():
    assert days(1000, 900, 0, 14) is None
    assert days(900, 900, 0, 14) == 15


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mean": 0.03, "control_share": 0}, "the control share is 0; it must be between 0 and 1"),
        ({"mean": 0}, "the mean is 0; it must be above 0"),
        ({"mean": 1.5}, "a conversion rate is below 1, and an amount needs a deviation"),
        ({"mean": 1.5, "deviation": 0}, "the deviation is 0; it must be above 0"),
    ],
)
def test_an_impossible_plan_is_an_error_that_says_what_is_possible(values, said):
    with pytest.raises(ValueError, match=said):
        Plan(**values)


@pytest.mark.parametrize(
    ("relative", "power", "said"),
    [
        (0, 0.8, "no number of customers shows that there is no effect"),
        (-1, 0.8, "would make the mean 0"),
        (40, 0.8, "would make the mean 1.23"),
        (0.1, 1, "the power is 1; it must be between 0 and 1"),
    ],
)
def test_an_impossible_wish_for_an_effect_is_an_error_too(relative, power, said):
    with pytest.raises(ValueError, match=said):
        Plan(0.03).customers(relative, power)
