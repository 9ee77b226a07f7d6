"""Matrix factorization: what it learns, against systems solved one by one, and what it recommends."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.bigquery import ml
from local.bigquery.ml import rating_metrics
from local.bigquery.ml.ratings import Ratings

EXPLICIT = {"model_type": "MATRIX_FACTORIZATION", "early_stop": False}
IMPLICIT = EXPLICIT | {"feedback_type": "IMPLICIT"}
EACH = pytest.mark.parametrize("options", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])


def interactions(users: int = 60, items: int = 20, seed: int = 0) -> pa.Table:
    """Half of all pairs, with ratings from 1 to 5 that depend on two tastes."""
    random = np.random.default_rng(seed)
    tastes = random.normal(size=(users, 2)) @ random.normal(size=(2, items))
    user, item = np.nonzero(random.random((users, items)) < 0.5)
    rating = np.clip(np.round(3 + tastes[user, item]), 1, 5)
    return pa.table({"user": [f"u{i:03}" for i in user], "item": pa.array(item), "rating": pa.array(rating)})


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return interactions()


@pytest.fixture(scope="module", params=[EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
def model(request, rows) -> ml.Factorization:
    return ml.train(request.param | {"num_factors": 3, "max_iterations": 5}, rows)


class Dense:
    """The same problem with full matrices, each user's and item's system set up and solved alone."""

    def __init__(self, rows: pa.Table, options: dict) -> None:
        users, user = np.unique(rows["user"].to_pylist(), return_inverse=True)
        items, item = np.unique(rows["item"].to_pylist(), return_inverse=True)
        rating = np.zeros((len(users), len(items)))
        rating[user, item] = rows["rating"].to_numpy()
        rated = np.zeros(rating.shape, bool)
        rated[user, item] = True
        if options.get("feedback_type") == "IMPLICIT":
            self.confidence = 1 + options.get("wals_alpha", 40.0) * rating
            self.target = (rating > 0).astype(float)
        else:
            self.confidence = rated.astype(float)
            self.target = rating - rating[rated].mean()
        self.l2 = options.get("l2_reg", 1.0)

    def solve(self, factors, intercepts, *, transposed=False):
        confidence, target = (m.T if transposed else m for m in (self.confidence, self.target))
        design = np.column_stack([factors, np.ones(len(factors))])
        solved = [
            np.linalg.solve(
                design.T @ np.diag(c) @ design + self.l2 * np.eye(design.shape[1]), design.T @ (c * (p - intercepts))
            )
            for c, p in zip(confidence, target, strict=True)
        ]
        return np.array(solved)[:, :-1], np.array(solved)[:, -1]

    def squares(self, model):
        users, items = model.users.vectors, model.items.vectors
        predicted = users.factors @ items.factors.T + users.intercepts[:, np.newaxis] + items.intercepts
        return self.confidence * (self.target - predicted) ** 2

    def objective(self, model):
        sides = (model.users.vectors, model.items.vectors)
        return self.squares(model).sum() + self.l2 * sum((s.factors**2).sum() + (s.intercepts**2).sum() for s in sides)


@EACH
def test_iterations_are_those_of_dense_systems_solved_one_by_one(rows, options, monkeypatch):
    monkeypatch.setattr("local.bigquery.ml.als.SYSTEMS", 7)
    monkeypatch.setattr("local.bigquery.ml.als.PAIRS", 100)
    options = options | {"num_factors": 3, "max_iterations": 4, "l2_reg": 0.7}
    dense, model = Dense(rows, options), ml.train(options, rows)

    factors, intercepts = np.random.default_rng(0).standard_normal((20, 3)) / np.sqrt(3), np.zeros(20)
    for _ in range(4):
        user_factors, user_intercepts = dense.solve(factors, intercepts)
        factors, intercepts = dense.solve(user_factors, user_intercepts, transposed=True)

    assert model.items.vectors.factors == pytest.approx(factors, rel=1e-6)
    assert model.items.vectors.intercepts == pytest.approx(intercepts, rel=1e-6)
    assert model.users.vectors.factors == pytest.approx(user_factors, rel=1e-6)
    assert model.users.vectors.intercepts == pytest.approx(user_intercepts, rel=1e-6)


@EACH
def test_what_is_minimised_never_rises(rows, options):
    objectives = [
        Dense(rows, options).objective(ml.train(options | {"num_factors": 4, "max_iterations": count}, rows))
        for count in range(1, 9)
    ]

    assert all(after <= before for before, after in itertools.pairwise(objectives))


@EACH
def test_the_loss_is_the_mean_weighted_squared_error(rows, options):
    options = options | {"num_factors": 2, "max_iterations": 3, **({} if options == EXPLICIT else {"wals_alpha": 5})}
    model, dense = ml.train(options, rows), Dense(rows, options)

    counted = dense.confidence > 0
    assert model.iterations[-1].loss == pytest.approx(dense.squares(model)[counted].mean())
    assert [each.learning_rate for each in model.iterations] == [None] * 3


def test_a_planted_low_rank_structure_is_found_again():
    random = np.random.default_rng(3)
    truth = 2 + random.normal(size=(120, 3)) @ random.normal(size=(3, 50))
    is_rated = random.random(truth.shape) < 0.5
    user, item = np.nonzero(is_rated)
    rows = pa.table({"user": user, "item": item, "rating": truth[user, item]})
    model = ml.train(EXPLICIT | {"num_factors": 3, "l2_reg": 0.01, "max_iterations": 40}, rows)

    user, item = np.nonzero(~is_rated)
    predicted = ml.recommendation.recommend(model, pa.table({"user": user, "item": item}))
    errors = predicted["predicted_rating"].to_numpy() - truth[user, item]
    assert errors.std() < 0.02 * truth.std()


def test_implicit_feedback_ranks_the_items_of_ones_group_first():
    random = np.random.default_rng(5)
    user, item = np.nonzero(random.random((60, 30)) < np.kron(np.eye(3), np.full((20, 10), 0.5)))
    rows = pa.table({"user": user, "item": item, "rating": np.ones(len(user))})
    model = ml.train(IMPLICIT | {"num_factors": 4, "wals_alpha": 10}, rows)

    every = ml.recommendation.recommend(model, ml.recommendation.all_users(model))
    scores = every["predicted_rating_confidence"].to_numpy().reshape(60, 30)
    best = np.argsort(-scores, axis=1)[:, :10]
    assert (best // 10 == np.arange(60)[:, np.newaxis] // 20).mean() > 0.97


@EACH
def test_the_order_of_the_rows_does_not_matter(rows, options):
    options = options | {"max_iterations": 3, "data_split_method": "RANDOM", "data_split_eval_fraction": 0.1}
    one, other = (ml.train(options, rows.take(np.random.default_rng(seed).permutation(len(rows)))) for seed in (1, 2))

    assert one.measures == other.measures
    assert [each.loss for each in one.iterations] == [each.loss for each in other.iterations]
    assert ml.recommendation.weights(one).equals(ml.recommendation.weights(other))


def test_the_number_of_factors_is_log2_of_the_rows_from_two_on(rows):
    assert ml.train(EXPLICIT, rows).training_options["numFactors"] == str(int(math.log2(len(rows))))
    assert ml.train(EXPLICIT, rows.slice(0, 3)).training_options["numFactors"] == "2"


def test_early_stop_ends_when_the_loss_hardly_falls(rows):
    model = ml.train(EXPLICIT | {"early_stop": True, "min_rel_progress": 0.05, "max_iterations": 50}, rows)

    losses = [each.loss for each in model.iterations]
    falls = [(before - after) / before for before, after in itertools.pairwise(losses)]
    assert 2 < len(losses) < 50
    assert falls[-1] < 0.05 <= min(falls[:-1])


@EACH
def test_held_out_rows_are_judged_and_not_learned_from(rows, options):
    held_out = np.arange(len(rows)) % 5 == 0
    split = rows.append_column("later", pa.array(held_out))
    options = options | {"num_factors": 2, "max_iterations": 3}
    model = ml.train(options | {"data_split_method": "CUSTOM", "data_split_col": "later"}, split)

    alone = ml.train(options, rows.filter(pa.array(~held_out)))
    assert ml.recommendation.weights(model).equals(ml.recommendation.weights(alone))
    assert (model.training_rows, model.evaluation_rows) == (sum(~held_out), sum(held_out))
    assert ml.recommendation.evaluate(model).equals(ml.recommendation.evaluate(alone, rows.filter(pa.array(held_out))))
    assert all(each.eval_loss is not None for each in model.iterations)
    if not model.is_implicit:
        assert model.iterations[-1].eval_loss == pytest.approx(model.measures["mean_squared_error"])


def test_recommend_keeps_rows_with_both_columns_and_puts_the_prediction_first(model, rows):
    given = rows.slice(0, 7).append_column("note", pa.array(list("abcdefg")))
    table = ml.recommendation.recommend(model, given)

    name = "predicted_rating_confidence" if model.is_implicit else "predicted_rating"
    assert table.column_names == [name, "user", "item", "rating", "note"]
    assert table.select(given.column_names).equals(given)
    users, items = model.users.of(given["user"].combine_chunks()), model.items.of(given["item"].combine_chunks())
    expected = (users.factors * items.factors).sum(axis=1) + users.intercepts + items.intercepts
    assert table[name].to_numpy() == pytest.approx(expected + model.global_intercept)


def test_recommend_crosses_one_side_with_all_of_the_other(model):
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


def test_of_the_unknown_only_the_known_sides_intercept_is_told(model):
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


def test_recommend_refuses_what_it_cannot_cross(model, monkeypatch):
    for some, message in (
        (pa.table({"visitor": ["a"]}), "has neither 'user' nor 'item', but visitor"),
        (pa.table({"user": ["a"], "day": [1]}), "'user' and not the other side's column"),
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
    measured = rating_metrics.of_errors(actual, predicted)

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
    assert math.isnan(rating_metrics.of_errors(np.array([3.0, 3.0]), np.array([3.0, -2.0]))["r2_score"])
    assert math.isnan(rating_metrics.of_errors(np.array([3.0, 4.0]), np.array([3.0, -2.0]))["mean_squared_log_error"])


def test_the_measures_of_implicit_feedback_are_those_of_a_ranking(monkeypatch):
    monkeypatch.setattr(rating_metrics, "BLOCK", 4)
    # The first user's items come at ranks 1 and 3 of 4, the second's one at rank 2; the third rated nothing above 0.
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


def test_ties_gain_nothing_and_nothing_relevant_is_no_number():
    one = Ratings(pa.array(["a"]), pa.array([1, 2, 3]), np.array([0]), np.array([0]), np.array([1.0]))
    measured = rating_metrics.of_ranking(one, lambda _: np.zeros((1, 3)))
    assert (measured["mean_average_precision"], measured["average_rank"]) == (pytest.approx(1 / 3), 1)

    none = Ratings(pa.array(["a"]), pa.array([1]), np.array([0]), np.array([0]), np.array([0.0]))
    measured = rating_metrics.of_ranking(none, lambda _: np.zeros((1, 1)))
    assert measured.pop("mean_squared_error") == 0
    assert all(math.isnan(value) for value in measured.values())


def test_evaluate_ranks_items_that_training_did_not_have_by_what_is_predicted_for_them(rows):
    model = ml.train(IMPLICIT | {"num_factors": 2, "max_iterations": 3}, rows)
    new = pa.table({"user": ["u001", "u002"], "item": pa.array([999, 998]), "rating": [1.0, 1.0]})

    (measured,) = ml.recommendation.evaluate(model, new).to_pylist()
    assert 0 < measured["mean_average_precision"] < 0.2
    with pytest.raises(ml.MLError, match="no rows to evaluate on"):
        ml.recommendation.evaluate(model, new.slice(0, 0))


def test_weights_hold_all_that_a_prediction_is_made_of(model):
    rows = ml.recommendation.weights(model).to_pylist()

    assert [row["processed_input"] for row in rows] == ["user"] * 60 + ["item"] * 20 + [None]
    assert rows[-1] == {
        "processed_input": None,
        "feature": "global__INTERCEPT__",
        "factor_weights": None,
        "intercept": 0.0 if model.is_implicit else model.global_intercept,
    }
    assert model.is_implicit or model.global_intercept > 1
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
        "dataSplitTestFraction": 0.0,
        **({"walsAlpha": 40.0} if model.is_implicit else {}),
    }
    metrics = run["evaluationMetrics"]["rankingMetrics" if model.is_implicit else "regressionMetrics"]
    assert metrics["meanSquaredError"] == model.measures["mean_squared_error"]
    assert ("averageRank" in metrics) == model.is_implicit
    assert ("rSquared" in metrics) != model.is_implicit
    json.dumps(resource, allow_nan=False)


def test_a_model_is_read_as_it_was_saved(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = ml.TrainedModel.load(tmp_path / "model")

    assert isinstance(loaded, ml.Factorization)
    everyone = ml.recommendation.all_users(model)
    assert ml.recommendation.recommend(loaded, everyone).equals(ml.recommendation.recommend(model, everyone))
    assert ml.recommendation.weights(loaded).equals(ml.recommendation.weights(model))
    assert ml.recommendation.evaluate(loaded).equals(ml.recommendation.evaluate(model))
    assert ml.describe(loaded) == ml.describe(model)


def test_the_export_holds_all_that_a_prediction_is_made_of(model, tmp_path):
    (file,) = ml.export(model, tmp_path)
    content = json.loads(file.read_text())

    user, item = content["user"], content["item"]
    position = user["ids"].index("u001")
    score = np.dot(user["factors"][position], item["factors"][4]) + content["global_intercept"]
    score += user["intercepts"][position] + item["intercepts"][4]
    predicted = ml.recommendation.recommend(model, pa.table({"user": ["u001"], "item": pa.array([4])}))
    assert predicted.column(0).to_pylist() == pytest.approx([score])
    assert item["ids"][4] == "4"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("user", ["a", None, "c"]),
        ("item", pa.array([1, None, 3])),
        ("rating", [1.0, None, 3.0]),
    ],
)
def test_a_null_is_refused_with_the_columns_name(column, values):
    rows = {"user": ["a", "b", "c"], "item": pa.array([1, 2, 3]), "rating": [1.0, 2.0, 3.0]} | {column: values}

    with pytest.raises(ml.MLError, match=f"Column '{column}' has 1 NULLs: .*WHERE {column} IS NOT NULL"):
        ml.train(EXPLICIT, pa.table(rows))


@pytest.mark.parametrize(
    ("options", "columns", "message"),
    [
        (
            {},
            {"user": ["a", "a"], "item": [1, 1], "rating": [1.0, 2.0]},
            "1 rows have a 'user' and 'item' that another",
        ),
        ({}, {"user": ["a"], "item": [1], "rating": [math.nan]}, "Rating column 'rating' has NaN"),
        ({}, {"user": ["a"], "item": [1], "rating": ["x"]}, "RATING_COL 'rating' is STRING; it must be one of"),
        ({}, {"user": ["a"], "item": [1]}, "RATING_COL 'rating' is not in the query's result, which has: user, item"),
        ({}, {"item": [1], "rating": [1.0]}, "USER_COL 'user' is not in the query's result"),
        ({"item_col": "sku"}, {"user": ["a"], "item": [1], "rating": [1.0]}, "ITEM_COL 'sku' is not in"),
        ({}, {"user": [["a"]], "item": [1], "rating": [1.0]}, "USER_COL 'user' is ARRAY; it must be one of"),
        (
            {},
            {"user": ["a"], "item": [1], "rating": [1.0], "day": [1], "hour": [2]},
            "must give exactly USER_COL, ITEM_COL and RATING_COL.*also gives day, hour",
        ),
        (
            {},
            {"user": pa.array([], pa.string()), "item": pa.array([], pa.int64()), "rating": pa.array([], pa.float64())},
            "no row to train on",
        ),
        (
            {},
            {"user": ["a", "a"], "item": [1, 2], "rating": [1e200, 1.0]},
            r"ratings of up to 1e\+200 and L2_REG=1: bring the ratings nearer to 1",
        ),
        (
            {"l2_reg": 1e-300},
            {"user": ["a", "a"], "item": [1, 2], "rating": [2.0, 1.0]},
            "L2_REG=1e-300: .* raise L2_REG",
        ),
        (
            {"feedback_type": "IMPLICIT"},
            {"user": ["a"], "item": [1], "rating": [-1.0]},
            r"1 \+ WALS_ALPHA \* rating must not be negative; it is for 1 rows",
        ),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused(options, columns, message):
    with pytest.raises(ml.MLError, match=message):
        ml.train(EXPLICIT | options, pa.table(columns))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_factors": 1}, "NUM_FACTORS must be an INT64 from 2 to 200; got 1"),
        ({"num_factors": 201}, "NUM_FACTORS must be an INT64 from 2 to 200; got 201"),
        ({"feedback_type": "BOTH"}, "FEEDBACK_TYPE must be one of 'EXPLICIT', 'IMPLICIT'; got 'BOTH'"),
        ({"wals_alpha": 4}, "WALS_ALPHA goes with FEEDBACK_TYPE='IMPLICIT'"),
        ({"feedback_type": "implicit", "wals_alpha": -1}, "WALS_ALPHA must be a FLOAT64 of at least 0"),
        ({"l2_reg": 0}, "L2_REG must be a FLOAT64 above 0"),
        ({"user_col": "ITEM"}, "USER_COL, ITEM_COL, RATING_COL and DATA_SPLIT_COL must be different"),
        ({"learn_rate": 0.1}, "LEARN_RATE is not supported for model type MATRIX_FACTORIZATION"),
        ({"labels": ["rating"]}, "LABELS is not supported for model type MATRIX_FACTORIZATION"),
        ({"input_label_cols": ["rating"]}, "INPUT_LABEL_COLS is not supported for model type MATRIX_FACTORIZATION"),
        ({"data_split_method": "SEQ"}, "DATA_SPLIT_METHOD='SEQ' needs DATA_SPLIT_COL"),
    ],
)
def test_an_option_that_is_wrong_is_named(rows, options, message):
    with pytest.raises(ml.MLError, match=message):
        ml.train(EXPLICIT | options, rows)


def test_a_rating_below_zero_is_weak_evidence_against():
    user, item = np.nonzero(np.ones((6, 4)))
    ratings = np.where((user + item) % 2, 1.0, -0.01)
    options = IMPLICIT | {"num_factors": 2, "max_iterations": 3}
    model = ml.train(options, pa.table({"user": user, "item": item, "rating": ratings}))

    dense = Dense(pa.table({"user": user, "item": item, "rating": ratings}), options)
    assert model.iterations[-1].loss == pytest.approx(dense.squares(model).mean())


IDS = {
    pa.string(): st.text(max_size=5),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_infinity=False).map(lambda value: value + 0.0),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=4),
    pa.date32(): st.dates(),
    pa.timestamp("us", tz="UTC"): st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001
    pa.time64("us"): st.times(),
    pa.decimal128(38, 9): st.decimals(-(10**9), 10**9, places=9),
    pa.decimal256(76, 38): st.decimals(-(10**9), 10**9, places=30),
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), user_type=st.sampled_from(list(IDS)), item_type=st.sampled_from(list(IDS)))
def test_ids_may_be_anything_that_can_be_grouped_by(data, user_type, item_type):
    pairs = data.draw(st.lists(st.tuples(IDS[user_type], IDS[item_type]), min_size=1, max_size=8, unique_by=repr))
    user, item = (pa.array([pair[side] for pair in pairs], type_) for side, type_ in enumerate((user_type, item_type)))
    rows = pa.table({"user": user, "item": item, "rating": np.arange(1, len(pairs) + 1)})
    model = ml.train(IMPLICIT | {"max_iterations": 2}, rows)

    every = ml.recommendation.recommend(model, ml.recommendation.all_users(model))
    assert every.num_rows == len(model.users.ids) * len(model.items.ids)
    assert (every["user"].type, every["item"].type) == (user_type, item_type)
    again = ml.recommendation.recommend(model, every.select(["user", "item"]))
    assert again["predicted_rating_confidence"].to_numpy() == pytest.approx(
        every["predicted_rating_confidence"].to_numpy()
    )
    assert ml.recommendation.weights(model).num_rows == len(model.users.ids) + len(model.items.ids) + 1


def test_both_zeros_are_one_id():
    rows = pa.table({"user": [0.0, -0.0], "item": [1, 2], "rating": [1.0, 1.0]})
    model = ml.train(IMPLICIT | {"max_iterations": 1}, rows)

    assert len(model.users.ids) == 1
    assert ml.recommendation.recommend(model, pa.table({"user": [-0.0], "item": [1]})).column(0)[0].as_py() > 0
