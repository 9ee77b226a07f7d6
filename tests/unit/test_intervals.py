"""The estimates of metrics and their intervals are computed from sums."""

import math

import numpy as np
import pytest
from scipy import stats

from shared.chain.intervals import Comparisons, Estimate, Sums, area, interval, more_needed, t_quantile

SUMS = Sums(
    candidate="logistic",
    other="",
    with_margin=False,
    visitors=10,
    row_count=10,
    buyers=4,
    others=6,
    visitors_with_buyers=4,
    visitors_with_others=6,
    placed=3.2,
    buyers_squares=0.06,
    others_squares=0.09,
    products=0.0,
    placed_cubes=0.0,
    log_loss=4.0,
    log_loss_squares=0.9,
    log_loss_cubes=0.0,
    brier=2.0,
    brier_squares=0.09,
    brier_cubes=0.0,
)


def with_changes(**changes):
    return Sums(**{**vars(SUMS), **changes})


def test_an_interval_reaches_almost_two_standard_errors_to_each_side():
    estimate = Estimate(0.3, 0.01)
    assert (estimate.lower, estimate.upper) == pytest.approx(stats.norm.interval(0.95, 0.3, 0.1))


def test_an_interval_of_rare_large_values_is_shifted_by_johnsons_correction():
    values = np.array([0.0] * 95 + [1.0] * 5)
    error = values.std(ddof=1) / 10
    shift = (1 + 2 * stats.norm.ppf(0.975) ** 2) * stats.moment(values, 3) / 6 / 100**2 / error**2
    estimate = Estimate(values.mean(), error**2, stats.moment(values, 3) / 100**2)
    assert estimate.lower == pytest.approx(values.mean() - stats.norm.ppf(0.975) * error + shift)
    assert estimate.upper == pytest.approx(values.mean() + stats.norm.ppf(0.975) * error + shift)
    assert estimate.upper == pytest.approx(-(-estimate).lower)


def test_sums_become_means_with_unbiased_variances():
    found = Comparisons([SUMS])
    # There are 4 - 1 = 3 degrees of freedom, because four visitors bought.
    assert found.metric("roc_auc", "logistic") == Estimate(0.8, pytest.approx(0.06 / 3 / 4 + 0.09 / 5 / 6), freedom=3)
    assert found.metric("log_loss", "logistic") == Estimate(0.4, pytest.approx(0.9 / 9 / 10), freedom=3)
    assert found.metric("brier", "logistic") == Estimate(0.2, pytest.approx(0.09 / 9 / 10), freedom=3)


@pytest.mark.parametrize("freedom", [2, 3, 10, 49, 999, math.inf])
def test_with_few_buyers_students_t_widens_the_interval(freedom):
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.01 if freedom < 3 else 0.002)
    estimate = Estimate(0.3, 0.01, 0.0001, freedom)
    assert estimate.upper - estimate.lower == pytest.approx(0.2 * t_quantile(freedom))
    assert (-estimate).upper == pytest.approx(-estimate.lower)


def test_one_buyer_gives_an_infinite_variance_and_none_gives_no_area():
    one = area(with_changes(buyers=1, visitors_with_buyers=1, placed=0.8, buyers_squares=0.0))
    assert one == Estimate(0.8, math.inf, freedom=1)
    assert interval("roc_auc", one) == (0, 1)
    assert more_needed(Estimate(-0.1, math.inf), 1) is None
    assert area(with_changes(buyers=0, placed=0.0)) is None


def test_a_loss_is_positive_for_the_worse_model_of_every_metric():
    pair = with_changes(other="champion", placed=-0.4, log_loss=0.1)
    found = Comparisons([pair])
    assert found.loss("roc_auc", "logistic", "champion").value == pytest.approx(0.1)
    assert found.loss("log_loss", "logistic", "champion").value == pytest.approx(0.01)
    assert found.loss("log_loss", "logistic", "champion", with_margin=True) is None


def test_an_interval_does_not_exceed_the_limits_of_its_metric():
    wide = Estimate(0.5, 1.0)
    assert interval("roc_auc", wide) == (0, 1)
    assert interval("log_loss", wide) == (0, pytest.approx(wide.upper))
