"""The model BG/NBD agrees with published figures for the CDNOW data, and recovers known parameters.

The model's forecasts have the expected properties for all customers.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special

from benchmarks import buyers
from fixtures import cdnow
from shared.value import bgnbd
from shared.value.fitting import FitError

# The parameters that Fader, Hardie and Lee (2005) publish in table 2.
PUBLISHED = bgnbd.Parameters(0.243, 4.414, 0.793, 2.426)


def grouped(*columns):
    rows, counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)
    return bgnbd.Histories(*rows.T, counts.astype(float))


def one(frequency, recency, age):
    return bgnbd.Histories.of([(frequency, recency, age, 1)])


@pytest.fixture(scope="module")
def sample():
    found = cdnow.customers()
    return grouped(found.frequency, found.recency, found.age)


@pytest.fixture(scope="module")
def fitted(sample):
    return bgnbd.fit(sample)


def test_the_fit_to_cdnow_has_the_published_parameters(fitted):
    assert [round(value, 4) for value in fitted.parameters] == [0.2426, 4.4136, 0.7929, 2.4259]
    assert round(fitted.log_likelihood, 1) == -9582.4
    assert (fitted.customers, fitted.repeat_buyers) == (2357, 946)


def test_the_customer_of_the_papers_example_places_the_published_number_of_orders():
    """The number is from Fader, Hardie and Lee (2005), "Implementing the BG/NBD Model ... in Excel"."""
    assert round(bgnbd.expected_orders(PUBLISHED, one(2, 30.43, 38.86), 39)[0], 3) == 1.226


def test_customers_of_the_walkthrough_of_btyd_have_the_published_figures(fitted):
    """The figures are from section 3 of the walkthrough of the R package BTYD, which uses the same CDNOW customers."""
    best = one(26, 30.86, 31)
    assert round(bgnbd.expected_orders(fitted.parameters, one(0, 0, 0), 52)[0], 3) == 1.444
    assert round(bgnbd.expected_orders(fitted.parameters, best, 52)[0], 2) == 25.76
    assert round(bgnbd.probability_alive(fitted.parameters, best)[0], 3) == 0.969


def test_the_orders_of_cdnow_are_forecast_four_percent_too_low_as_the_paper_says(fitted):
    found = cdnow.customers()
    ages, counts = np.unique(found.age, return_counts=True)
    until_week_78 = [bgnbd.expected_orders(fitted.parameters, one(0, 0, 0), age + 39)[0] for age in ages]
    share = counts @ until_week_78 / (found.frequency.sum() + found.orders.sum())
    assert round(share, 2) == 0.96


def test_customers_counted_in_groups_are_fitted_like_single_ones(fitted):
    found = cdnow.customers()
    single = bgnbd.Histories(found.frequency, found.recency, found.age, np.ones(len(found.age)))
    assert bgnbd.fit(single).parameters == pytest.approx(fitted.parameters, rel=1e-6)


def test_days_instead_of_weeks_change_only_alpha(sample, fitted):
    days = bgnbd.Histories(sample.frequency, sample.recency * 7, sample.age * 7, sample.customers)
    found, weeks = bgnbd.fit(days), fitted.parameters
    assert found.parameters == pytest.approx(bgnbd.Parameters(weeks.r, weeks.alpha * 7, weeks.a, weeks.b), rel=1e-6)
    assert found.covariance == pytest.approx(fitted.covariance, rel=1e-3, abs=1e-6)
    assert bgnbd.expected_orders(found.parameters, days, 39 * 7) == pytest.approx(
        bgnbd.expected_orders(weeks, sample, 39), rel=1e-5
    )


@pytest.mark.parametrize("planted", [buyers.ORDERS, bgnbd.Parameters(0.9, 9, 0.6, 1.5), bgnbd.Parameters(2, 30, 1, 4)])
def test_planted_parameters_are_found_within_their_errors(planted):
    found = bgnbd.fit(buyers.draw(8_000, 1, np.random.default_rng(11), planted).histories)
    off = np.log(found.parameters) - np.log(planted)
    # Measured in standard errors, the squared distance from the true parameters has a chi-squared distribution with 4
    # degrees of freedom.
    assert off @ np.linalg.solve(found.covariance, off) < special.chdtri(4, 0.001)
    assert np.sqrt(np.diag(found.covariance)).max() < 0.4


def test_later_orders_spread_around_the_forecast_as_the_model_says():
    planted = bgnbd.Parameters(2, 30, 1, 4)
    drawn = buyers.draw(20_000, 39, np.random.default_rng(12), planted)
    mean = bgnbd.expected_orders(planted, drawn.histories, 39)
    variance = bgnbd.expected_pairs(planted, drawn.histories, 39) + mean - mean**2
    # The tolerances of 3 % and 6 % are wider than the 2 % and 4 % by which chance can change the sums.
    assert drawn.orders.sum() == pytest.approx(mean.sum(), rel=0.03)
    assert ((drawn.orders - mean) ** 2).sum() == pytest.approx(variance.sum(), rel=0.06)


def test_the_scores_are_the_slopes_of_the_log_likelihood():
    rows = bgnbd.Histories.of([(0, 0, 30, 1), (1, 2, 30, 1), (7, 29, 30, 1), (250, 29.5, 30, 1)])
    at = np.log([0.3, 4.0, 0.8, 2.5])

    def log_likelihood(logarithms):
        return bgnbd.contributions(bgnbd.Parameters(*np.exp(logarithms)), rows).log_likelihood

    slopes = [(log_likelihood(at + step) - log_likelihood(at - step)) / 2e-6 for step in 1e-6 * np.eye(4)]
    assert bgnbd.contributions(bgnbd.Parameters(*np.exp(at)), rows).scores == pytest.approx(
        np.transpose(slopes), abs=1e-5
    )


def closed_form(parameters, frequency, recency, age, horizon):
    """Compute the expected orders by equation 10 of Fader, Hardie and Lee (2005)."""
    r, alpha, a, b = parameters
    later = alpha + age + horizon
    hypergeometric = special.hyp2f1(r + frequency, b + frequency, a + b + frequency - 1, horizon / later)
    factor = (a + b + frequency - 1) / (a - 1)
    up = factor * (1 - ((alpha + age) / later) ** (r + frequency) * hypergeometric)
    gone = a / (b + frequency - 1) * ((alpha + age) / (alpha + recency)) ** (r + frequency) if frequency else 0
    return up / (1 + gone)


parameter = st.floats(0.05, 20)
parameters = st.builds(bgnbd.Parameters, r=parameter, alpha=st.floats(0.5, 200), a=parameter, b=parameter)
frequencies = st.integers(1, 30)
ages = st.floats(1, 800)
shares = st.floats(0.001, 1)


@settings(max_examples=60, deadline=None)
@given(parameters, frequencies, ages, shares, st.floats(1, 200))
def test_expected_orders_agree_with_the_papers_closed_form(given_parameters, frequency, age, share, horizon):
    # The closed form divides by a - 1, so leave out values of the parameter a near 1.
    assume(abs(given_parameters.a - 1) >= 0.01)
    published = closed_form(given_parameters, frequency, share * age, age, horizon)
    assume(np.isfinite(published))
    found = bgnbd.expected_orders(given_parameters, one(frequency, share * age, age), horizon)[0]
    assert found == pytest.approx(published, rel=1e-5, abs=1e-9)


def test_expected_orders_are_defined_for_a_equal_to_1_although_the_closed_form_is_not():
    near = [closed_form(bgnbd.Parameters(0.3, 4, a, 2.4), 3, 20, 30, 39) for a in (0.999, 1.001)]
    found = bgnbd.expected_orders(bgnbd.Parameters(0.3, 4, 1, 2.4), one(3, 20, 30), 39)[0]
    assert found == pytest.approx(np.mean(near), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(parameters, frequencies, ages, st.lists(shares, min_size=2, max_size=6, unique=True))
def test_a_customer_who_ordered_later_is_more_likely_alive_and_orders_more(
    given_parameters, frequency, age, given_shares
):
    rows = bgnbd.Histories.of([(frequency, share * age, age, 1) for share in sorted(given_shares)])
    alive = bgnbd.probability_alive(given_parameters, rows)
    expected = bgnbd.expected_orders(given_parameters, rows, 30)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(alive) >= 0).all()
    assert (np.diff(expected) >= -1e-12 * expected[1:]).all()


@settings(max_examples=60, deadline=None)
@given(parameters, st.integers(0, 1_000_000), st.floats(0.01, 1e5), shares, st.floats(0.01, 1e4))
def test_extreme_customers_have_finite_figures(given_parameters, frequency, age, share, horizon):
    row = one(frequency, share * age if frequency else 0, age)
    found = bgnbd.contributions(given_parameters, row)
    figures = [
        found.log_likelihood,
        found.scores,
        bgnbd.probability_alive(given_parameters, row),
        bgnbd.expected_orders(given_parameters, row, horizon),
        bgnbd.expected_pairs(given_parameters, row, horizon),
    ]
    assert all(np.isfinite(figure).all() for figure in figures)
    assert figures[3] >= 0


def test_a_longer_horizon_brings_more_orders_and_no_horizon_brings_none():
    orders = [bgnbd.expected_orders(PUBLISHED, one(2, 30, 39), horizon)[0] for horizon in (0, 1, 10, 100)]
    assert orders[0] == 0
    assert (np.diff(orders) > 0).all()


def test_the_error_about_too_few_repeat_buyers_names_their_number_and_the_minimum():
    with pytest.raises(FitError, match="only 99 customers have ordered again, and at least 100 are needed"):
        bgnbd.fit(bgnbd.Histories.of([(0, 0, 30, 5000), (1, 20, 30, 99)]))


def test_customers_who_never_leave_have_no_maximum_and_the_error_names_the_parameter():
    regular = bgnbd.Histories.of([(30, 30, 30, 1000), (29, 30, 30, 500), (31, 30, 30, 500)])
    with pytest.raises(
        FitError, match=r"no maximum: .*(a|b).* ran to the bound .* take a longer history, or a simpler"
    ):
        bgnbd.fit(regular)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ((-1, 0, 30, 1), "frequency must be a whole number"),
        ((1.5, 2, 30, 1), "frequency must be a whole number"),
        ((2, 31, 30, 1), "recency must be at most age"),
        ((2, 0, 30, 1), "recency must be above 0 exactly if frequency is; count the orders of one day as one"),
        ((0, 3, 30, 1), "recency must be above 0 exactly if frequency is"),
        ((0, 0, float("nan"), 1), "recency must be at most age"),
        ((0, 0, 30, 0), "customers must be above 0"),
    ],
)
def test_an_impossible_row_is_refused_with_the_rule(row, rule):
    with pytest.raises(ValueError, match=f"{rule}.*: 1 of 2 rows"):
        bgnbd.Histories.of([(0, 0, 10, 1), row])
