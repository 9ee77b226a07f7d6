"""The metrics of models agree with those that scikit-learn computes on the same rows."""

import numpy as np
import pytest
from learning import RUN, training_rows
from sklearn import metrics

from shared.calibration import IDENTITY
from shared.settings import CANDIDATES

THRESHOLD = 0.5
ON = {**RUN, "split": "test", "threshold": THRESHOLD}


def predictions(seed: int, count: int, decimals: int) -> list[dict]:
    random = np.random.default_rng(seed)
    probabilities = random.random(count).round(decimals)
    labels = (random.random(count) < probabilities * 0.6).astype(int)
    return [
        {"visitor_id": f"{number:04d}", "label": int(label), "probability": float(probability)}
        for number, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
    ]


def expected(rows: list[dict]) -> dict:
    labels = np.array([row["label"] for row in rows])
    said = np.array([row["probability"] for row in rows])
    wrong_and_right = metrics.confusion_matrix(labels, said >= THRESHOLD).ravel().tolist()
    names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    return {
        "visitors": len(rows),
        "positives": labels.sum(),
        "expected_positives": said.sum(),
        **dict(zip(names, wrong_and_right, strict=True)),
    }


def test_counts_agree_with_scikit_learn_and_calibration_is_shown_by_tenths(warehouse):
    given = {"smooth": predictions(1, 120, 9), "tied": predictions(2, 95, 1)}
    rows = [{**RUN, "split": "test", "candidate": name, **row} for name, rows in given.items() for row in rows]
    stranger = {**rows[0], "visitor_id": "x", "probability": 0.0}
    strangers = [{**stranger, "run_id": "20170810-ffffffff"}, {**stranger, "split": "evaluation"}]
    warehouse.fill({"evaluation_rows": [*rows, *strangers]})
    measured = warehouse.run("evaluation/metrics", ON)
    assert [row.pop("candidate") for row in measured] == ["smooth", "tied"]
    for row, (name, rows) in zip(measured, given.items(), strict=True):
        calibration = row.pop("calibration")
        assert row == pytest.approx(expected(rows), abs=1e-9), name
        assert [one["decile"] for one in calibration] == list(range(1, 11))
        ordered = sorted(rows, key=lambda one: (-one["probability"], one["visitor_id"]))
        for one, part in zip(calibration, np.array_split(ordered, 10), strict=True):
            assert one["visitors"] == len(part)
            assert one["predicted"] == pytest.approx(np.mean([two["probability"] for two in part]), abs=1e-9)
            assert one["observed"] == pytest.approx(np.mean([two["label"] for two in part]), abs=1e-9)


def test_without_visitors_there_are_no_metrics(warehouse):
    assert warehouse.run("evaluation/metrics", ON) == []


def ranked_alone(rows: list[dict], feature: str) -> float:
    train = [row for row in rows if row["split"] == "train"]
    held_out = [row for row in rows if row["split"] != "train" and row[feature] is not None]
    values = [row[feature] for row in held_out]
    if isinstance(values[0], str):
        rates = {
            value: np.mean([row["will_buy_on_return_visit"] for row in train if row[feature] == value])
            for value in {row[feature] for row in train}
        }
        values = [rates.get(value, 0) for value in values]
    return metrics.roc_auc_score([row["will_buy_on_return_visit"] for row in held_out], values)


@pytest.mark.slow
def test_a_feature_that_reveals_the_label_is_found_by_its_own_roc_auc(warehouse):
    rows = training_rows()
    for row in rows:
        row["furthest_step"] = 6 * row["will_buy_on_return_visit"]
    warehouse.fill({"training_rows": [*rows, {**rows[0], "run_id": "20170810-ffffffff"}]})
    found = {row["feature"]: row["roc_auc"] for row in warehouse.run("evaluation/single_features", RUN)}
    features = rows[0].keys() - RUN.keys() - {"split", "visitor_id", "first_day", "will_buy_on_return_visit"}
    assert found == pytest.approx({feature: ranked_alone(rows, feature) for feature in features}, abs=1e-9)
    assert (found["furthest_step"], found["products_viewed"], found["medium"]) == (1, 0.5, 0.5)


@pytest.mark.slow
def test_each_visitor_of_the_split_has_one_probability_by_the_model(models, warehouse):
    rows = {row["visitor_id"]: row for row in training_rows() if row["split"] == "test"}
    other = {**RUN, "candidate": "champion", "visitor_id": "0001", "label": 1, "probability": 0.25, "split": "test"}
    of_another_split = {**other, "candidate": "logistic", "split": "evaluation"}
    former = {**other, "candidate": "logistic", "visitor_id": "of a former try"}
    warehouse.fill({"training_rows": training_rows(), "evaluation_rows": [other, of_another_split, former]})
    for candidate in CANDIDATES:
        for _ in range(2 if candidate == "logistic" else 1):
            of = {**RUN, "candidate": candidate, "split": "test", **IDENTITY.parameters}
            warehouse.run("evaluation/predictions", of, model=candidate)
    found = warehouse.rows("evaluation_rows")
    for kept in (other, of_another_split):
        found.remove(kept)
    for candidate in CANDIDATES:
        said = {row["visitor_id"]: row for row in found if row["candidate"] == candidate}
        assert {name: row["label"] for name, row in said.items()} == {
            name: row["will_buy_on_return_visit"] for name, row in rows.items()
        }
        labels = [row["label"] for row in said.values()]
        # With the probabilities of the class "does not buy", the ROC AUC would be below 0.5.
        assert metrics.roc_auc_score(labels, [row["probability"] for row in said.values()]) > 0.6
