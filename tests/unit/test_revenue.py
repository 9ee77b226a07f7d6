"""Forecasts of orders and revenue have the right sums and intervals, and are compared with CDNOW's actual figures."""

import numpy as np
import pytest

from benchmarks import buyers
from fixtures import cdnow
from shared.value import bgnbd, gamma_gamma, revenue


@pytest.fixture(scope="module")
def sample():
    return cdnow.customers()


@pytest.fixture(scope="module")
def histories(sample):
    return bgnbd.Histories(sample.frequency, sample.recency, sample.age, np.ones(len(sample.age)))


@pytest.fixture(scope="module")
def fits(sample, histories):
    again = sample.frequency > 0
    values = gamma_gamma.Values(sample.frequency[again], sample.mean_value[again], np.ones(again.sum()))
    return bgnbd.fit(histories), gamma_gamma.fit(values)


def test_the_figures_of_cdnow_agree_with_the_page(fits, sample, histories):
    """The page is docs/customer-value.md.

    The actual orders and revenue are above their intervals, because orders rose at the end of the year.
    """
    orders = revenue.orders(fits[0], histories, cdnow.HELD_OUT_WEEKS)
    dollars = revenue.revenue(*fits, histories, sample.mean_value, cdnow.HELD_OUT_WEEKS)
    assert [round(one) for one in (orders.expected, orders.lower, orders.upper)] == [1653, 1465, 1865]
    assert [round(one, -2) for one in (dollars.expected, dollars.lower, dollars.upper)] == [59900, 52200, 68800]
    assert (sample.orders.sum(), round(sample.revenue.sum(), -2)) == (1882, 71000)


def test_expected_revenue_is_expected_orders_times_expected_value(fits, sample, histories):
    orders = bgnbd.expected_orders(fits[0].parameters, histories, 39)
    value = gamma_gamma.expected_value(fits[1].parameters, sample.frequency, sample.mean_value)
    assert revenue.revenue(*fits, histories, sample.mean_value, 39).expected == pytest.approx((orders * value).sum())


def test_the_variance_of_the_fit_is_that_of_parameters_drawn_from_their_errors(fits):
    rows = bgnbd.Histories.of([(0, 0, 30, 200), (2, 20, 30, 80), (9, 25, 30, 10)])
    mean_value = np.array([0.0, 50.0, 20.0])
    random = np.random.default_rng(31)
    # The draws use covariance / 100, so a tenth of the standard errors: the delta method is accurate only for small
    # errors. Below, the variance of the draws is multiplied by 100.
    drawn = [np.exp(random.multivariate_normal(np.log(one.parameters), one.covariance / 100, 100)) for one in fits]
    sums = [
        (rows.customers * bgnbd.expected_orders(bgnbd.Parameters(*of_orders), rows, 39))
        @ gamma_gamma.expected_value(gamma_gamma.Parameters(*of_values), rows.frequency, mean_value)
        for of_orders, of_values in zip(*drawn, strict=True)
    ]
    # With 95 % probability, the variance of 100 draws differs from the true variance by less than 28 %.
    of_fit = revenue.revenue(*fits, rows, mean_value, 39).of_fit
    assert np.var(sums, ddof=1) * 100 == pytest.approx(of_fit, rel=0.4)


def test_later_revenue_spreads_around_the_forecast_as_the_model_says():
    values = gamma_gamma.Parameters(6, 12, 300)
    drawn = buyers.draw(20_000, 39, np.random.default_rng(32), values=values)
    exact = bgnbd.Fitted(buyers.ORDERS, np.zeros((4, 4)), 0, 20_000, 8_000)
    forecast = revenue.revenue(
        exact, gamma_gamma.Fitted(values, np.zeros((3, 3)), 0, 8_000), drawn.histories, drawn.mean_value, 39
    )
    expected = bgnbd.expected_orders(buyers.ORDERS, drawn.histories, 39) * gamma_gamma.expected_value(
        values, drawn.histories.frequency, drawn.mean_value
    )
    assert forecast.of_fit == 0
    assert ((drawn.revenue - expected) ** 2).sum() == pytest.approx(forecast.of_chance, rel=0.08)
    assert forecast.lower < drawn.revenue.sum() < forecast.upper


def test_with_more_customers_the_relative_interval_is_narrower(fits, histories):
    few = revenue.orders(fits[0], bgnbd.Histories.of([(2, 20, 30, 10)]), 39)
    many = revenue.orders(fits[0], bgnbd.Histories.of([(2, 20, 30, 10_000)]), 39)
    assert many.expected == pytest.approx(1000 * few.expected)
    assert many.of_chance == pytest.approx(1000 * few.of_chance)
    assert many.upper / many.expected < few.upper / few.expected


def test_if_values_have_no_finite_variance_the_interval_has_no_upper_bound(fits):
    heavy = gamma_gamma.Fitted(gamma_gamma.Parameters(6, 1.5, 15), np.zeros((3, 3)), 0, 1000)
    forecast = revenue.revenue(fits[0], heavy, bgnbd.Histories.of([(0, 0, 30, 10)]), np.zeros(1), 39)
    assert (forecast.lower, forecast.upper) == (0, np.inf)


def test_with_a_horizon_of_zero_the_forecast_is_zero_without_uncertainty(fits):
    forecast = revenue.orders(fits[0], bgnbd.Histories.of([(2, 20, 30, 10)]), 0)
    assert (forecast.expected, forecast.lower, forecast.upper) == (0, 0, 0)
