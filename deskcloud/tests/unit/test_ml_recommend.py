"""Matrix factorization: its recommendations and metrics, and what statements can read of a trained model."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from desk.ml import EXPLICIT, IMPLICIT, interactions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import metrics, rating_metrics
from deskcloud.bigquery.ml.ratings import Ratings


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return interactions()


@pytest.fixture(scope="module", params=[EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
def model(request, rows) -> ml.Factorization:
    return ml.train(request.param | {"num_factors": 3, "max_iterations": 5}, rows)


def test_recommend_keeps_rows_with_both_columns_and_puts_the_prediction_first(model, rows):
    given = rows.slice(0, 7).append_column("note", pa.array(list("abcdefg")))
    table = ml.recommendation.recommend(model, given)

    name = "predicted_rating_confidence" if model.is_implicit else "predicted_rating"
    assert table.column_names == [name, "user", "item", "rating", "note"]
    assert table.select(given.column_names).equals(given)
    users, items = model.users.of(given["user"].combine_chunks()), model.items.of(given["item"].combine_chunks())
    expected = (users.factors * items.factors).sum(axis=1) + users.intercepts + items.intercepts
    assert table[name].to_numpy() == pytest.approx(expected + model.global_intercept)


def test_recommend_combines_each_given_user_or_item_with_all_of_the_other_kind(model):
    every = ml.recommendation.recommend(model, ml.recommendation.all_users(model))
    for_users = ml.recommendation.recommend(model, pa.table({"USER": ["u003", "u001", "u003"]}))
    for_items = ml.recommendation.recommend(model, pa.table({"item": pa.array([4], pa.int64())}))

    assert every.num_rows == 60 * 20
    assert every["item"].type == pa.int64()
    pairs = {(row["user"], row["item"]): row for row in every.to_pylist()}
    assert len(pairs) == 60 * 20
    assert for_users["user"].to_pylist() == ["u003"] * 20 + ["u001"] * 20 + ["u003"] * 20
    assert for_items["user"].to_pylist() == model.users.ids.to_pylist()
    for row in for_users.to_pylist() + for_items.to_pylist():
        assert row == pytest.approx(pairs[row["user"], row["item"]])


def test_if_one_id_is_unknown_only_the_intercept_of_the_other_counts(model):
    rows = pa.table({"user": ["nobody", "u001", "nobody", None], "item": pa.array([4, 999, 999, 4])})
    table = ml.recommendation.recommend(model, rows)

    item, user = model.items.vectors.intercepts[4], model.users.vectors.intercepts[1]
    expected = [item, user, 0, item]
    assert table.column(0).to_numpy() == pytest.approx(np.array(expected) + model.global_intercept)
    assert ml.recommendation.recommend(model, pa.table({"user": ["nobody"]})).num_rows == 20


def test_no_rows_get_no_recommendations(model, rows):
    for some in (rows.slice(0, 0), rows.select(["user"]).slice(0, 0), rows.select(["item"]).slice(0, 0)):
        table = ml.recommendation.recommend(model, some)
        assert table.num_rows == 0
        assert {"user", "item"} <= set(table.column_names)


def test_recommend_refuses_rows_that_it_cannot_combine(model, monkeypatch):
    for some, message in (
        (pa.table({"visitor": ["a"]}), "has neither 'user' nor 'item', but visitor"),
        (pa.table({"user": ["a"], "day": [1]}), "'user' without the other side's column"),
        (pa.table({"user": [1]}), "Id column 'user' is INT64, but the model was trained with STRING: cast it"),
        (
            pa.table({"user": ["a"], "item": [1], "predicted_rating": [1.0], "predicted_rating_confidence": [1.0]}),
            "has a column 'predicted_rating.*which the function adds",
        ),
    ):
        with pytest.raises(ml.MLError, match=message):
            ml.recommendation.recommend(model, some)
    monkeypatch.setattr(ml.recommendation, "MOST_ROWS", 1000)
    with pytest.raises(ml.MLError, match=r"would give 1,200 rows, more than the 1,000"):
        ml.recommendation.recommend(model, ml.recommendation.all_users(model))


def test_the_measures_of_explicit_feedback_are_those_of_a_regression():
    actual, predicted = np.array([1.0, 2.0, 4.0, 5.0]), np.array([1.5, 2.0, 3.0, 5.5])
    measured = metrics.of_errors(actual, predicted)

    logs = (np.log(1 + actual) - np.log(1 + predicted)) ** 2
    assert measured == pytest.approx(
        {
            "mean_absolute_error": 0.5,
            "mean_squared_error": 0.375,
            "mean_squared_log_error": logs.mean(),
            "median_absolute_error": 0.5,
            "r2_score": 1 - 0.375 / 2.5,
            "explained_variance": 1 - 0.375 / 2.5,
        }
    )
    even = metrics.of_errors(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0, 6.0, 8.0]))
    assert even["median_absolute_error"] == 2
    assert math.isnan(metrics.of_errors(np.array([3.0, 3.0]), np.array([3.0, -2.0]))["r2_score"])
    assert math.isnan(metrics.of_errors(np.array([3.0, 4.0]), np.array([3.0, -2.0]))["mean_squared_log_error"])


def test_the_measures_of_a_regression_do_not_depend_on_the_order_of_the_rows():
    random = np.random.default_rng(7)
    actual = random.uniform(0, 5000, 342)
    predicted = actual + random.normal(0, 300, 342).clip(-actual)
    measured = metrics.of_errors(actual, predicted)
    for _ in range(20):
        order = random.permutation(342)
        assert metrics.of_errors(actual[order], predicted[order]) == measured


def test_the_measures_of_implicit_feedback_are_those_of_a_ranking(monkeypatch):
    monkeypatch.setattr(rating_metrics, "BLOCK", 4)
    # Items with ratings above 0 are relevant. The first user's relevant items have ranks 1 and 3 of 4, and the second
    # user's relevant item has rank 2. The third user has no relevant item.
    predicted = np.array([[0.9, 0.1, 0.5, 0.7], [0.2, 0.8, 0.4, 0.1], [0.3, 0.2, 0.1, 0.4]])
    ratings = Ratings(
        pa.array(["a", "b", "c"]),
        pa.array([1, 2, 3, 4]),
        np.array([0, 0, 1, 2]),
        np.array([0, 2, 2, 0]),
        np.array([1.0, 3.0, 2.0, 0.0]),
    )
    measured = rating_metrics.of_ranking(ratings, lambda users: predicted[users])

    first = (1 / np.log2(2) + 3 / np.log2(4)) / (3 / np.log2(2) + 1 / np.log2(3))
    second = (2 / np.log2(3)) / 2
    relevant = np.zeros((3, 4))
    relevant[[0, 0, 1], [0, 2, 2]] = 1
    assert measured == pytest.approx(
        {
            "mean_average_precision": ((1 / 1 + 2 / 3) / 2 + 1 / 2) / 2,
            "mean_squared_error": ((relevant - predicted) ** 2).mean(),
            "normalized_discounted_cumulative_gain": (first + second) / 2,
            "average_rank": (1 * 0 + 3 * 2 / 3 + 2 * 1 / 3) / 6,
        }
    )


def test_ties_do_not_raise_a_metric_and_without_relevant_items_it_is_nan():
    one = Ratings(pa.array(["a"]), pa.array([1, 2, 3]), np.array([0]), np.array([0]), np.array([1.0]))
    measured = rating_metrics.of_ranking(one, lambda _: np.zeros((1, 3)))
    assert (measured["mean_average_precision"], measured["average_rank"]) == (pytest.approx(1 / 3), 1)

    none = Ratings(pa.array(["a"]), pa.array([1]), np.array([0]), np.array([0]), np.array([0.0]))
    measured = rating_metrics.of_ranking(none, lambda _: np.zeros((1, 1)))
    assert measured.pop("mean_squared_error") == 0
    assert all(math.isnan(value) for value in measured.values())


def test_evaluate_ranks_new_items_by_their_predictions(rows):
    model = ml.train(IMPLICIT | {"num_factors": 2, "max_iterations": 3}, rows)
    new = pa.table({"user": ["u001", "u002"], "item": pa.array([999, 998]), "rating": [1.0, 1.0]})

    (measured,) = ml.recommendation.evaluate(model, new).to_pylist()
    assert 0 < measured["mean_average_precision"] < 0.2
    with pytest.raises(ml.MLError, match="no rows to evaluate on"):
        ml.recommendation.evaluate(model, new.slice(0, 0))


def test_a_prediction_can_be_computed_from_the_weights(model):
    rows = ml.recommendation.weights(model).to_pylist()

    assert [row["processed_input"] for row in rows] == ["user"] * 60 + ["item"] * 20 + [None]
    assert rows[-1] == {
        "processed_input": None,
        "feature": "global__INTERCEPT__",
        "factor_weights": None,
        "intercept": 0.0 if model.is_implicit else model.global_intercept,
    }
    assert (rows[-1]["intercept"] > 1) is not model.is_implicit
    user, item = rows[1], rows[64]
    assert (user["feature"], item["feature"]) == ("u001", "4")
    assert [weight["factor"] for weight in user["factor_weights"]] == [1, 2, 3]
    product = sum(
        a["weight"] * b["weight"] for a, b in zip(user["factor_weights"], item["factor_weights"], strict=True)
    )
    predicted = ml.recommendation.recommend(model, pa.table({"user": ["u001"], "item": pa.array([4])}))
    total = product + user["intercept"] + item["intercept"] + rows[-1]["intercept"]
    assert predicted.column(0).to_pylist() == pytest.approx([total])


def test_feature_info_counts_users_and_items_and_nothing_else(model):
    rows = ml.feature_info(model).to_pylist()

    assert [(row["input"], row["category_count"]) for row in rows] == [("user", 60), ("item", 20)]
    assert all(value is None for row in rows for name, value in row.items() if name not in {"input", "category_count"})


def test_the_resource_has_the_options_the_columns_and_the_measures(model):
    resource = ml.describe(model)

    run = resource["trainingRuns"][0]
    assert resource["modelType"] == "MATRIX_FACTORIZATION"
    assert [column["name"] for column in resource["featureColumns"]] == ["user", "item"]
    assert resource["labelColumns"] == [{"name": "rating", "type": {"typeKind": "FLOAT64"}}]
    assert run["trainingOptions"] == {
        "lossType": "MEAN_SQUARED_LOSS",
        "feedbackType": "IMPLICIT" if model.is_implicit else "EXPLICIT",
        "userColumn": "user",
        "itemColumn": "item",
        "inputLabelColumns": ["rating"],
        "numFactors": "3",
        "l2Regularization": 1.0,
        "maxIterations": "5",
        "earlyStop": False,
        "minRelativeProgress": 0.01,
        "dataSplitMethod": "NO_SPLIT",
        **({"walsAlpha": 40.0} if model.is_implicit else {}),
    }
    metrics = run["evaluationMetrics"]["rankingMetrics" if model.is_implicit else "regressionMetrics"]
    assert metrics["meanSquaredError"] == model.measures["mean_squared_error"]
    assert ("averageRank" in metrics) == model.is_implicit
    assert ("rSquared" in metrics) != model.is_implicit
    json.dumps(resource, allow_nan=False)


def test_a_model_is_read_as_it_was_saved(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = ml.load(tmp_path / "model")

    assert isinstance(loaded, ml.Factorization)
    everyone = ml.recommendation.all_users(model)
    assert ml.recommendation.recommend(loaded, everyone).equals(ml.recommendation.recommend(model, everyone))
    assert ml.recommendation.weights(loaded).equals(ml.recommendation.weights(model))
    assert ml.recommendation.evaluate(loaded).equals(ml.recommendation.evaluate(model))
    assert ml.describe(loaded) == ml.describe(model)


def test_a_prediction_can_be_computed_from_the_exported_files(model, tmp_path):
    (file,) = ml.export(model, tmp_path)
    content = json.loads(file.read_text())

    user, item = content["user"], content["item"]
    position = user["ids"].index("u001")
    score = np.dot(user["factors"][position], item["factors"][4]) + content["global_intercept"]
    score += user["intercepts"][position] + item["intercepts"][4]
    predicted = ml.recommendation.recommend(model, pa.table({"user": ["u001"], "item": pa.array([4])}))
    assert predicted.column(0).to_pylist() == pytest.approx([score])
    assert item["ids"][4] == "4"
