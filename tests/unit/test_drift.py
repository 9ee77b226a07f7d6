"""A difference is a drift if it is large enough and chance does not explain it. All features are tested together."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from shared.chain.drift import Judged, Limits, Shift, judge, probability, upper_tail_of_f

NO_CHANCE = Shift(
    feature="hour",
    base_visitors=20_000,
    visitors=5_000,
    difference=0.2,
    jensen_shannon=0.05,
    mean_difference=0.4,
    chi_square=900.0,
    degrees=9,
    base_chi_square=180.0,
    base_degrees=189,
)


def changed(**values) -> Shift:
    return dataclasses.replace(NO_CHANCE, **values)


def drifted(*shifts, limits=None) -> list[str]:
    return [one.shift.feature for one in judge(shifts, limits) if one.has_drifted]


@pytest.mark.parametrize("degrees", [1, 2, 9, 60])
@pytest.mark.parametrize("other", [1, 7, 21, 400, 30_000])
def test_the_tail_of_the_f_distribution_agrees_with_scipy(degrees, other):
    for value in [1e-9, 0.3, 0.99, 1, 1.7, 5, 40, 3e4]:
        expected = stats.f.sf(value, degrees, other)
        # The tolerance is 1e-9, because the smallest values of SciPy have only twelve correct digits.
        assert upper_tail_of_f(value, degrees, other) == pytest.approx(expected, rel=1e-9, abs=1e-290)


def test_the_tail_of_the_f_distribution_is_1_at_values_up_to_zero():
    assert upper_tail_of_f(0, 3, 20) == upper_tail_of_f(-1, 3, 20) == 1


def test_days_that_differ_only_by_chance_leave_the_statistic_unchanged():
    assert probability(changed(chi_square=20.0, base_chi_square=100.0)) == pytest.approx(stats.f.sf(20 / 9, 9, 189))


def test_days_that_differ_more_make_a_difference_of_periods_more_probable():
    twice = changed(chi_square=40.0, base_chi_square=2.0 * 189)
    assert probability(twice) == pytest.approx(stats.f.sf(20 / 9, 9, 189))


@pytest.mark.parametrize(
    "untested", [{"degrees": 0, "chi_square": 0.0}, {"base_degrees": 0, "base_chi_square": None}, {"chi_square": None}]
)
def test_a_difference_that_cannot_be_tested_is_no_drift(untested):
    assert probability(changed(**untested)) == 1
    assert drifted(changed(**untested)) == []


def test_a_large_and_improbable_difference_is_a_drift():
    assert drifted(NO_CHANCE) == ["hour"]
    [judged] = judge([NO_CHANCE])
    assert judged == Judged(NO_CHANCE, probability(NO_CHANCE), has_drifted=True)


@pytest.mark.parametrize(
    "too_little",
    [{"difference": 0.049}, {"difference": None}, {"chi_square": 9.0}, {"visitors": 499}, {"base_visitors": 499}],
)
def test_a_small_or_probable_or_barely_measured_difference_is_no_drift(too_little):
    assert drifted(changed(**too_little)) == []


def test_the_limits_of_a_drift_can_be_configured():
    assert drifted(changed(visitors=100), limits=Limits(min_visitors=100)) == ["hour"]
    assert drifted(changed(difference=0.01), limits=Limits(min_difference=0.01)) == ["hour"]


def test_features_are_tested_together_by_the_rule_of_benjamini_and_hochberg():
    random = np.random.default_rng(1)
    for _ in range(20):
        statistics = random.uniform(9, 40, 13)
        shifts = [changed(feature=str(i), chi_square=float(one)) for i, one in enumerate(statistics)]
        adjusted = stats.false_discovery_control([probability(one) for one in shifts])
        expected = {str(i) for i, one in enumerate(adjusted) if one <= 0.05}
        assert set(drifted(*shifts, limits=Limits(false_alarms=0.05))) == expected


def test_features_are_ordered_by_probability_and_without_features_there_is_no_drift():
    likely, unlikely = changed(feature="a", chi_square=5.0), changed(feature="b")
    assert [one.shift.feature for one in judge([likely, unlikely])] == ["b", "a"]
    assert judge([]) == []
