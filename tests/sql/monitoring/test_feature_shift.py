"""Drift statistics of features between two periods agree with the simulation in benchmarks/, and with SciPy."""

import datetime as dt

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from benchmarks import drift as simulated
from demo.visitors import ORDINARY, arrivals
from shared.chain.drift import Shift

pytestmark = pytest.mark.usefixtures("models")

MONDAY = dt.date(2017, 3, 6)
NUMBERS = {"bounces", "time_on_site", "pageviews", "hits", "furthest_step", "products_viewed", "products_added", "hour"}
CATEGORIES = {"source", "medium", "channel", "device", "country"}
VISITOR = dict.fromkeys(NUMBERS, 0) | dict.fromkeys(CATEGORIES, "a") | {"weekday": "Monday"}


def days(first, last):
    return [MONDAY + dt.timedelta(day) for day in range(first, last)]


def periods(base, later):
    every = [*base, *later]
    return {"first_day": min(every), "last_day": max(every), "base_days": base, "days": later}


def rows(day, values):
    return [
        {**VISITOR, "visitor_id": str(number), "first_day": MONDAY + dt.timedelta(int(one))}
        | {name: column[number].item() if column[number] is not None else None for name, column in values.items()}
        for number, one in enumerate(day)
    ]


def shifts(warehouse, base, later):
    found = warehouse.run("monitoring/feature_shift", periods(base, later), model="baseline")
    return {row["feature"]: Shift(**row) for row in found}


def two_weeks_against_one(warehouse):
    return shifts(warehouse, days(0, 14), days(14, 21))


def test_the_statement_agrees_with_the_benchmarks_simulation(warehouse):
    random = np.random.default_rng(7)
    visits = np.concatenate([one for _, one in arrivals(random, MONDAY, 21, 21 * 16)])
    visits = visits[(visits["number"] == 1) & (visits["kind"] == ORDINARY)]
    day, values = visits["day"], simulated.features(random, visits)
    # The simulation's score is not compared: the simulation has a model of its own.
    del values["score"]
    warehouse.fill({"visitor_features": rows(day, values)})

    found = two_weeks_against_one(warehouse)
    assert found.pop("score").visitors == found["hits"].visitors
    expected = [
        simulated.shift(table, range(14), range(14, 21)) for table in simulated.tables(day, values, base_days=14)
    ]
    assert found.keys() == {one.feature for one in expected} == NUMBERS | CATEGORIES
    for one in expected:
        mine = vars(found[one.feature]) | {"mean_difference": None}
        assert mine == {name: pytest.approx(value, abs=1e-9) for name, value in vars(one).items()}, one.feature
    seconds = [values["time_on_site"][part] for part in (day < 14, day >= 14)]
    deviation = np.sqrt((seconds[0].var(ddof=1) + seconds[1].var(ddof=1)) / 2)
    assert found["time_on_site"].mean_difference == pytest.approx((seconds[1].mean() - seconds[0].mean()) / deviation)
    assert found["device"].mean_difference is None


def test_the_benchmarks_statistics_agree_with_scipy():
    random = np.random.default_rng(2)
    counts = random.poisson([9, 5, 2, 1], (21, 4))
    mine = simulated.shift(simulated.Table("hits", True, counts), range(14), range(14, 21))

    both = np.stack([counts[:14].sum(axis=0), counts[14:].sum(axis=0)])
    test = stats.chi2_contingency(both, correction=False)
    assert (mine.chi_square, mine.degrees) == (pytest.approx(test.statistic), test.dof)
    weekdays = [stats.chi2_contingency(_without_empty(counts[day : day + 8 : 7]), correction=False) for day in range(7)]
    assert mine.base_chi_square == pytest.approx(sum(one.statistic for one in weekdays))
    assert mine.base_degrees == sum(one.dof for one in weekdays)
    assert mine.jensen_shannon == pytest.approx(jensenshannon(*both, base=2) ** 2)
    values = [np.repeat(np.arange(4), one) for one in both]
    assert mine.difference == pytest.approx(stats.ks_2samp(*values).statistic)


def _without_empty(counts):
    return counts[:, counts.any(axis=0)]


@pytest.mark.slow
def test_the_score_drifts_with_the_inputs_of_the_model(warehouse):
    day = np.repeat(np.arange(21), 20)
    seconds = np.tile(np.arange(20) * 60, 21)
    seconds[(day >= 14) & (seconds < 300)] = 1140
    warehouse.fill({"visitor_features": rows(day, {"time_on_site": seconds})})

    found = two_weeks_against_one(warehouse)
    # The model is the baseline. Of the inputs bounces and time_on_site, only time_on_site varies.
    assert found["score"].difference == pytest.approx(found["time_on_site"].difference)
    assert found["score"].difference >= 0.2


def test_features_far_from_the_training_data_are_found_with_their_distance(warehouse):
    day = np.repeat(np.arange(7), 4)
    country = np.where(np.arange(28) % 2 == 0, "Peru", "France")
    warehouse.fill({"visitor_features": rows(day, {"country": country, "source": np.repeat("google", 28)})})

    week = {"first_day": MONDAY, "last_day": MONDAY + dt.timedelta(6)}
    found = {row["input"]: row for row in warehouse.run("monitoring/skew", week, model="logistic")}
    assert found.keys() == NUMBERS | CATEGORIES | {"weekday"}
    # The training rows contain only France.
    assert found["country"] == {
        "input": "country",
        "metric": "L_INFTY",
        "threshold": 0.3,
        "value": pytest.approx(0.5),
        "is_anomaly": True,
    }
    later = {"first_day": MONDAY + dt.timedelta(2), "last_day": MONDAY + dt.timedelta(2)}
    warehouse.fill({"visitor_features": rows(np.full(40, 2), {"country": np.repeat("France", 40)})})
    found = {row["input"]: row for row in warehouse.run("monitoring/skew", later, model="logistic")}
    assert found["country"]["value"] == pytest.approx(2 / 44)


def test_after_a_sample_recent_features_are_compared_with_all_visitors_of_the_training_days(warehouse):
    day = np.repeat(np.arange(10), 4)
    country = np.where((day < 3) | (np.arange(40) % 2 == 0), "Peru", "France")
    warehouse.fill({"visitor_features": rows(day, {"country": country, "source": np.repeat("google", 40)})})

    learnt = {"learnt_from": MONDAY, "learnt_until": MONDAY + dt.timedelta(2)}
    week = {"first_day": MONDAY + dt.timedelta(3), "last_day": MONDAY + dt.timedelta(9)}
    found = {row["input"]: row for row in warehouse.run("monitoring/skew_of_sample", {**learnt, **week})}
    assert found.keys() == NUMBERS | CATEGORIES | {"weekday"}
    assert found["country"] == {
        "input": "country",
        "metric": "L_INFTY",
        "threshold": 0.3,
        "value": pytest.approx(0.5),
        "is_anomaly": True,
    }
    assert not found["source"]["is_anomaly"]


def test_missing_numbers_have_a_bin_before_all_others(warehouse):
    day = np.repeat(np.arange(21), 4)
    seconds = np.array([None if number % 4 == 0 and one >= 14 else np.int64(60) for number, one in enumerate(day)])
    warehouse.fill({"visitor_features": rows(day, {"time_on_site": seconds})})

    mine = two_weeks_against_one(warehouse)["time_on_site"]
    assert (mine.base_visitors, mine.visitors) == (56, 28)
    assert mine.difference == pytest.approx(0.25)
    # The difference of means is divided by the standard deviation, which is 0 here. So the result is NULL.
    assert mine.mean_difference is None


def test_numbers_below_and_above_the_earlier_ones_fall_into_the_outer_bins(warehouse):
    day = np.repeat(np.arange(21), 10)
    hits = np.tile(np.arange(1, 11), 21)
    hits[day < 14] = np.random.default_rng(0).permutation(hits[day < 14])
    hits[day >= 14] = np.tile([-5, 2, 3, 4, 5, 6, 7, 8, 9, 99], 7)
    warehouse.fill({"visitor_features": rows(day, {"hits": hits})})

    mine = two_weeks_against_one(warehouse)["hits"]
    assert (mine.difference, mine.jensen_shannon, mine.chi_square) == (0, 0, pytest.approx(0))
    assert mine.degrees == 9
    assert mine.mean_difference > 0.3


def test_rare_categories_are_tested_together_or_not_at_all(warehouse):
    day = np.repeat(np.arange(21), 10)
    # The later period has a third of all visitors. About three visitors with b and three with c are expected in it.
    # The chi-square test combines these two cells, because a cell needs five. With tv, 1/3 of a visitor is expected.
    country = np.where(np.arange(210) % 23 == 0, "b", np.where(np.arange(210) % 23 == 1, "c", "a"))
    device = np.where(np.arange(210) == 31, "tv", "a")
    warehouse.fill({"visitor_features": rows(day, {"country": country, "device": device})})

    found = two_weeks_against_one(warehouse)
    assert found["country"].degrees == 1
    assert (found["device"].degrees, found["device"].chi_square) == (0, 0)
    assert found["device"].difference == pytest.approx(1 / 140)


@pytest.mark.slow
def test_only_the_days_of_the_periods_count_and_an_empty_one_has_no_difference(warehouse):
    warehouse.fill({"visitor_features": rows(np.arange(14), {"hits": np.arange(14)})})

    mine = shifts(warehouse, [*days(1, 3), *days(4, 5)], days(20, 21))["hits"]
    assert (mine.base_visitors, mine.visitors, mine.difference, mine.mean_difference) == (3, 0, None, None)
    mine = shifts(warehouse, days(20, 21), days(4, 6))["hits"]
    assert (mine.base_visitors, mine.visitors, mine.difference) == (0, 2, None)
