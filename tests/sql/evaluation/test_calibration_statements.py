"""The fit and metrics of calibrators agree with scikit-learn. All statements apply a calibrator in the same way."""

import datetime as dt
import math

import numpy as np
import pytest
from learning import RUN, training_rows
from sklearn.linear_model import LogisticRegression

from benchmarks import calibration as simulated
from shared.calibration import IDENTITY, Calibrator
from shared.chain import calibration
from shared.chain.calibration import Point, Sums

ON = {**RUN, "candidate": "logistic"}
CALIBRATORS = {
    "Platt": Calibrator(0.7, ((0.0, -0.5),)),
    "isotonic": Calibrator(0.7, ((-1.5, -2.0), (-0.5, -1.8), (0.5, 0.1), (1.0, 2.0))),
    "after a sample": Calibrator(0.7, ((0.0, -0.5),)).after(-3.0),
    "beyond what EXP can do": Calibrator(1000.0, ((0.0, 0.0),)),
}


def said(statement, warehouse, calibrator):
    """Run a statement with a calibrator. Return the calibrated probabilities by visitor, or by row for golden rows."""
    if statement == "evaluation/predictions":
        warehouse.run(statement, {**ON, "split": "test", **calibrator.parameters}, model="logistic")
        return {row["visitor_id"]: row["probability"] for row in warehouse.rows("evaluation_rows")}
    if statement == "deployment/golden_rows":
        rows = warehouse.run(statement, {**RUN, "rows": 200, **calibrator.parameters}, model="logistic")
        return {
            tuple(sorted((name, str(value)) for name, value in row.items() if name != "expected_probability")): row[
                "expected_probability"
            ]
            for row in rows
        }
    day, nobody = dt.date(2017, 8, 1), {"coupon_from": 2.0, "full_price_from": 2.0}
    of = {"run_id": RUN["run_id"], "day": day, "from_day": day, "version": "1", **nobody}
    warehouse.run(statement, {**of, **calibrator.parameters}, model="logistic")
    return {row["visitor_id"]: row["probability"] for row in warehouse.rows("scores")}


def session(row):
    """Return a session with the features of a training row."""
    started_at = dt.datetime(2017, 8, 1, 10, tzinfo=dt.UTC)
    names = ("visitor_id", "bounces", "time_on_site", "pageviews", "hits", "source", "device", "country", "weekday")
    numbers = {"transactions": 0, "hour": 10, "furthest_step": 1, "products_viewed": 0, "products_added": 0}
    about = {"session_id": row["visitor_id"], "day": started_at.date(), "started_at": started_at}
    return {**about, **numbers, "is_new_visit": True, "is_internal": False, **{name: row[name] for name in names}}


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["evaluation/predictions", "deployment/golden_rows", "scoring/scores"])
def test_a_statement_calibrates_in_the_same_way_as_both_online_scorers(statement, models, warehouse):
    rows = training_rows()
    warehouse.fill({"training_rows": rows, "sessions": [session(row) for row in rows[:60]]})
    bare = said(statement, warehouse, IDENTITY)
    assert len(set(bare.values())) > 30
    for name, calibrator in CALIBRATORS.items():
        expected = {key: calibrator.apply(probability) for key, probability in bare.items()}
        assert said(statement, warehouse, calibrator) == pytest.approx(expected, rel=1e-9, abs=0), name


def predictions(count=600, repeats=1):
    """Return labels with few buyers, the log odds of overconfident probabilities, and rows with these probabilities.

    The first two probabilities are 0 and 1.
    """
    random = np.random.default_rng(5)
    seen = random.normal(size=count)
    labels = (random.random(count) < 1 / (1 + np.exp(3.2 - 0.8 * seen))).astype(int)
    probabilities = 1 / (1 + np.exp(3.0 - 1.2 * seen))
    probabilities[:2], labels[:2] = (0.0, 1.0), (0, 1)
    rows = [
        {"visitor_id": f"{number:05d}", "label": int(label), "probability": float(probability)}
        for number, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
        for _ in range(repeats)
    ]
    log_odds = np.log(np.clip(probabilities, 1e-15, 1 - 1e-15) / np.clip(1 - probabilities, 1e-15, 1 - 1e-15))
    return labels, log_odds, rows


def points(warehouse, rows, split="test"):
    warehouse.fill({"evaluation_rows": [{**ON, "split": split, **row} for row in rows]})
    found = warehouse.run("evaluation/calibration_points", {**ON, "split": split, "bins": calibration.BINS})
    return [Point(**row) for row in found]


def by_scikit_learn(log_odds, labels, of_others=0.0, of_buyers=1.0):
    targets = np.where(labels == 1, of_buyers, of_others)
    twice = np.concatenate([log_odds, log_odds])[:, None]
    outcomes = np.repeat([1, 0], len(labels))
    weights = np.concatenate([targets, 1 - targets])
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(twice, outcomes, weights)
    return float(fitted.intercept_[0]), float(fitted.coef_[0, 0])


@pytest.mark.slow
def test_platts_line_from_few_points_agrees_with_the_line_from_all_rows(warehouse):
    labels, log_odds, rows = predictions()
    found = points(warehouse, [*rows, {**rows[0], "visitor_id": "x", "candidate": "champion"}], "evaluation")
    assert sum(point.row_count for point in found) == len(rows) > len(found)
    assert {point.fold for point in found} == set(range(8))
    buyers = labels.sum()
    targets = 1 / (len(labels) - buyers + 2), (buyers + 1) / (buyers + 2)
    assert calibration.platt(found) == pytest.approx(by_scikit_learn(log_odds, labels, *targets), abs=0.01)
    assert calibration.regression(found) == pytest.approx(by_scikit_learn(log_odds, labels), abs=0.01)


def test_visitors_with_equal_probabilities_are_in_the_same_bin(warehouse):
    _, _, rows = predictions(200)
    found = points(warehouse, [{**row, "probability": 0.25} for row in rows])
    assert {point.log_odds for point in found} == {found[0].log_odds}
    assert found[0].log_odds == pytest.approx(math.log(1 / 3))
    assert len(found) == len({(point.fold, point.label) for point in found}) <= 16


def judged(warehouse, repeats):
    # Only 150 rows, because the time of the reference implementation grows with the square of the number of rows.
    labels, log_odds, rows = predictions(150, repeats)
    line = calibration.regression(points(warehouse, rows))
    [row] = warehouse.run("evaluation/calibration", {**ON, "split": "test", **line._asdict()})
    return labels, log_odds, line, Sums(**row)


def test_the_variances_of_slope_and_ratio_agree_with_sums_over_rows(warehouse):
    labels, log_odds, line, sums = judged(warehouse, 1)
    design = np.stack([np.ones(len(labels)), log_odds])
    fitted = 1 / (1 + np.exp(-(line.intercept + line.slope * log_odds)))
    inverse = np.linalg.inv((design * fitted * (1 - fitted)) @ design.T)
    scores = design * (labels - fitted)
    sandwich = inverse @ scores @ scores.T @ inverse
    slope, buyers = calibration.slope(sums, line), labels.sum()
    assert slope.value == line.slope
    assert slope.variance == pytest.approx(sandwich[1, 1] * buyers / (buyers - 2))
    probabilities = 1 / (1 + np.exp(-log_odds))
    ratio = calibration.observed_over_expected(sums)
    moved = labels - probabilities * buyers / probabilities.sum()
    assert ratio.value == pytest.approx(buyers / probabilities.sum())
    assert ratio.variance == pytest.approx(
        (moved**2).sum() / probabilities.sum() ** 2 * len(labels) / (len(labels) - 1)
    )
    assert ratio.third == pytest.approx((moved**3).sum() / probabilities.sum() ** 3)


def test_the_simulation_in_benchmarks_gives_the_same_sums_and_equivalent_points(warehouse):
    labels, log_odds, line, sums = judged(warehouse, 1)
    assert vars(simulated.sums(labels, log_odds, line)) == pytest.approx(vars(sums), rel=1e-9, abs=1e-9)
    fitted = calibration.regression(simulated.points(labels[2:], log_odds[2:]))
    assert tuple(fitted) == pytest.approx(by_scikit_learn(log_odds[2:], labels[2:]), abs=0.01)


@pytest.mark.slow
def test_a_duplicate_row_of_a_visitor_makes_no_interval_narrower(warehouse):
    _, _, line, once = judged(warehouse, 1)
    expected = calibration.slope(once, line), calibration.observed_over_expected(once)
    warehouse.clean()
    _, _, again, twice = judged(warehouse, 2)
    assert again == pytest.approx(line, abs=1e-6)
    found_twice = calibration.slope(twice, line), calibration.observed_over_expected(twice)
    for found, wanted in zip(found_twice, expected, strict=True):
        assert found.value == pytest.approx(wanted.value)
        assert found.variance == pytest.approx(wanted.variance, rel=1e-3)


def test_without_visitors_there_are_no_points_and_no_sums(warehouse):
    assert points(warehouse, []) == []
    [row] = warehouse.run("evaluation/calibration", {**ON, "split": "test", "intercept": 0.0, "slope": 1.0})
    assert calibration.observed_over_expected(Sums(**row)) is None
