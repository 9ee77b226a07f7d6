"""The model Gamma-Gamma agrees with published figures for the CDNOW data, and recovers known parameters.

The model assumes that values do not depend on the frequency. The statistical test of this assumption is tested too.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from benchmarks import buyers
from fixtures import cdnow
from shared.value import gamma_gamma
from shared.value.fitting import FitError


def single(frequency, mean_value):
    return gamma_gamma.Values(frequency, mean_value, np.ones(len(frequency)))


@pytest.fixture(scope="module")
def sample():
    found = cdnow.customers()
    again = found.frequency > 0
    return single(found.frequency[again], found.mean_value[again])


@pytest.fixture(scope="module")
def fitted(sample):
    return gamma_gamma.fit(sample)


def test_the_fit_to_cdnow_has_the_published_parameters(fitted):
    """The published parameters are from note 25 in Fader and Hardie (2013)."""
    assert [round(value, 2) for value in fitted.parameters] == [6.25, 3.74, 15.44]
    assert fitted.customers == 946


def test_a_customer_without_repeat_orders_is_expected_to_have_the_mean_of_all(fitted):
    unknown = gamma_gamma.expected_value(fitted.parameters, np.zeros(2), np.array([0.0, 99.0]))
    assert unknown == pytest.approx([fitted.parameters.mean] * 2)
    assert round(fitted.parameters.mean, 2) == 35.17


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 50), st.floats(1.01, 50), st.floats(0.1, 1e4), st.integers(1, 100_000), st.floats(0.01, 1e6))
def test_the_expected_value_is_between_the_customers_own_mean_and_the_mean_of_all(p, q, gamma, frequency, mean_value):
    parameters = gamma_gamma.Parameters(p, q, gamma)
    expected = gamma_gamma.expected_value(parameters, np.array([frequency]), np.array([mean_value]))[0]
    low, high = sorted([mean_value, parameters.mean])
    assert low * (1 - 1e-9) <= expected <= high * (1 + 1e-9)
    found = gamma_gamma.contributions(parameters, single(np.array([frequency]), np.array([mean_value])))
    assert np.isfinite(found.log_likelihood).all()
    assert np.isfinite(found.scores).all()


def test_the_scores_are_the_slopes_of_the_log_likelihood():
    rows = single(np.array([1.0, 2.0, 40.0]), np.array([3.0, 80.0, 35.0]))
    at = np.log([6.0, 3.5, 15.0])

    def log_likelihood(logarithms):
        return gamma_gamma.contributions(gamma_gamma.Parameters(*np.exp(logarithms)), rows).log_likelihood

    slopes = [(log_likelihood(at + step) - log_likelihood(at - step)) / 2e-6 for step in 1e-6 * np.eye(3)]
    found = gamma_gamma.contributions(gamma_gamma.Parameters(*np.exp(at)), rows).scores
    assert found == pytest.approx(np.transpose(slopes), abs=1e-5)


def test_the_likelihood_of_a_mean_value_integrates_to_one():
    values, step = np.linspace(0.005, 2000, 400_000, retstep=True)
    found = gamma_gamma.contributions(buyers.VALUES, single(np.full(len(values), 3.0), values))
    assert np.exp(found.log_likelihood).sum() * step == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("planted", [buyers.VALUES, gamma_gamma.Parameters(2, 6, 200)])
def test_planted_parameters_are_found_within_their_errors(planted):
    drawn = buyers.draw(8_000, 1, np.random.default_rng(21), values=planted)
    found = gamma_gamma.fit(drawn.values)
    off = np.log(found.parameters) - np.log(planted)
    # Measured in standard errors, the squared distance from the true parameters has a chi-squared distribution with 3
    # degrees of freedom.
    assert off @ np.linalg.solve(found.covariance, off) < special.chdtri(3, 0.001)
    assert np.sqrt(np.diag(found.covariance)).max() < 0.3


def test_another_currency_changes_only_gamma(sample, fitted):
    found = gamma_gamma.fit(single(sample.frequency, sample.mean_value * 100))
    dollars = fitted.parameters
    assert found.parameters == pytest.approx((dollars.p, dollars.q, dollars.gamma * 100), rel=1e-5)


def test_mean_values_put_together_within_one_percent_hardly_change_the_fit(sample, fitted):
    bins = np.round(np.log(sample.mean_value) / 0.01)
    keys, inverse, counts = np.unique(
        np.column_stack([sample.frequency, bins]), axis=0, return_inverse=True, return_counts=True
    )
    means = np.bincount(inverse.ravel(), weights=sample.mean_value) / counts
    found = gamma_gamma.fit(gamma_gamma.Values(keys[:, 0], means, counts.astype(float)))
    assert len(keys) < len(sample.frequency) * 0.8
    assert found.parameters == pytest.approx(fitted.parameters, rel=1e-3)


def test_the_error_about_too_few_repeat_buyers_names_their_number_and_the_minimum():
    with pytest.raises(FitError, match="only 99 customers have ordered again, and at least 100 are needed"):
        gamma_gamma.fit(single(np.ones(99), np.linspace(10, 20, 99)))


def test_equal_values_have_no_maximum():
    with pytest.raises(FitError, match="no maximum"):
        gamma_gamma.fit(gamma_gamma.Values.of([(1, 20, 500), (2, 20, 500)]))


def test_values_without_a_finite_mean_are_refused():
    heavy = buyers.draw(4_000, 1, np.random.default_rng(22), values=gamma_gamma.Parameters(3, 0.6, 10))
    with pytest.raises(FitError, match=r"q is 0\.\d+, and with q of at most 1 the mean value of an order is infinite"):
        gamma_gamma.fit(heavy.values)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ((0, 5, 1), "frequency must be at least 1"),
        ((1, 0, 1), "mean_value must be a finite number above 0; leave out customers whose orders are worth nothing"),
        ((1, -3, 1), "mean_value must be a finite number above 0"),
        ((1, math.nan, 1), "mean_value must be a finite number above 0"),
        ((1, 5, 0), "customers must be above 0"),
    ],
)
def test_an_impossible_row_is_refused_with_the_rule(row, rule):
    with pytest.raises(ValueError, match=f"{rule}.*: 1 of 2 rows"):
        gamma_gamma.Values.of([(1, 20, 1), row])


def test_values_of_cdnow_depend_little_enough_on_frequency(sample):
    found = gamma_gamma.independence(sample)
    assert str(found) == (
        "order values do not depend on the number of orders: correlation 0.11 (0.04 to 0.17), tolerance 0.2"
    )


def test_values_that_rise_with_frequency_contradict_the_model():
    frequency = np.repeat([1.0, 2.0, 4.0, 8.0], 100)
    values = single(frequency, 10 * frequency + np.tile(np.linspace(-9, 9, 100), 4))
    found = gamma_gamma.independence(values)
    assert found.verdict == "does not hold"
    assert found.lower > gamma_gamma.TOLERANCE


def test_few_customers_neither_confirm_nor_contradict_the_model():
    values = gamma_gamma.Values.of([(1, 10, 5), (2, 12, 5), (1, 14, 5), (2, 11, 5)])
    assert gamma_gamma.independence(values).verdict == "not shown"
    without_variation = gamma_gamma.independence(gamma_gamma.Values.of([(1, 10, 50), (1, 12, 50)]))
    assert (without_variation.lower, without_variation.upper) == (-1, 1)


def test_customers_counted_in_groups_have_the_correlation_of_single_ones():
    groups = gamma_gamma.Values.of([(1, 10, 5), (2, 12, 7), (3, 9, 2)])
    ones = gamma_gamma.Values.of([(1, 10, 1)] * 5 + [(2, 12, 1)] * 7 + [(3, 9, 1)] * 2)
    assert vars(gamma_gamma.independence(groups)) == pytest.approx(vars(gamma_gamma.independence(ones)))
