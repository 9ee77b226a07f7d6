"""Logistic regression agrees with scikit-learn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.linear_model import LogisticRegression

from desk.ml import LOGISTIC, sessions
from deskcloud.bigquery import ml

TO_THE_END = LOGISTIC | {"data_split_method": "NO_SPLIT", "early_stop": False, "max_iterations": 500}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return sessions()


def standardised(column: pa.ChunkedArray) -> np.ndarray:
    values = pc.fill_null(column.cast(pa.float64()), pc.mean(column).as_py()).to_numpy()
    return (values - values.mean()) / np.nanstd(column.cast(pa.float64()).to_numpy(), ddof=1)


def one_hot(column: pa.ChunkedArray) -> np.ndarray:
    """Return a matrix with one column for each category, in alphabetical order, and a last column for NULL."""
    values = np.array([str(value).lower() if isinstance(value, bool) else value for value in column.to_pylist()])
    names = sorted(value for value in set(values.tolist()) if value is not None)
    return np.column_stack([*(values == name for name in names), values == None])  # noqa: E711 - `is None` would not compare the elements


def design(rows: pa.Table) -> np.ndarray:
    numbers = [standardised(rows["bounces"])[:, None], standardised(rows["seconds"])[:, None]]
    return np.hstack([*numbers, one_hot(rows["source"]), one_hot(rows["mobile"])]).astype(float)


def positive(model: ml.TrainedModel, rows: pa.Table) -> np.ndarray:
    probs = ml.predict_columns(model, rows)["predicted_bought_probs"].combine_chunks()
    return probs.flatten().field("prob").to_numpy()[::2]


@pytest.mark.parametrize("l2", [0.1, 1.0, 50.0])
def test_weights_and_probabilities_agree_with_scikit_learn_if_c_is_1_divided_by_l2(rows, l2):
    model = ml.train(TO_THE_END | {"l2_reg": l2}, rows)
    reference = LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-12).fit(
        design(rows), rows["bought"].to_numpy()
    )

    assert np.allclose(positive(model, rows), reference.predict_proba(design(rows))[:, 1], atol=1e-6)
    table = ml.weights(model, standardize=True).to_pylist()
    bounces, seconds, source, mobile, intercept = table
    assert [row["processed_input"] for row in table] == ["bounces", "seconds", "source", "mobile", "__INTERCEPT__"]
    learned = [bounces["weight"], seconds["weight"]]
    learned += [pair["weight"] for pair in source["category_weights"] + mobile["category_weights"]]
    assert np.allclose(learned, reference.coef_[0][:-1], atol=1e-6)
    assert intercept["weight"] == pytest.approx(reference.intercept_[0], abs=1e-6)


def test_without_penalty_and_with_dummy_encoding_the_fit_is_the_maximum_likelihood(rows):
    model = ml.train(TO_THE_END | {"category_encoding_method": "DUMMY_ENCODING"}, rows)
    reference = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(design(rows), rows["bought"].to_numpy())

    assert np.allclose(positive(model, rows), reference.predict_proba(design(rows))[:, 1], atol=1e-6)


def test_dummy_encoding_drops_the_most_frequent_category_and_shows_its_weight_as_zero(rows):
    model = ml.train(LOGISTIC | {"category_encoding_method": "DUMMY_ENCODING"}, rows)

    source = next(row for row in ml.weights(model).to_pylist() if row["processed_input"] == "source")
    by_name = {pair["category"]: pair["weight"] for pair in source["category_weights"]}
    assert [name for name, weight in by_name.items() if weight == 0] == ["google"]
    assert list(by_name) == ["direct", "google", "mail", "partner", "_null_filler"]


def test_l1_regularization_gives_the_same_weights_as_scikit_learn(rows):
    model = ml.train(TO_THE_END | {"l1_reg": 20.0}, rows)
    solver = LogisticRegression(l1_ratio=1.0, C=1 / 20, solver="saga", tol=1e-12, max_iter=100_000)
    reference = solver.fit(design(rows), rows["bought"].to_numpy())

    assert np.allclose(positive(model, rows), reference.predict_proba(design(rows))[:, 1], atol=1e-6)
    source = next(row for row in ml.weights(model).to_pylist() if row["processed_input"] == "source")
    assert 0.0 in [pair["weight"] for pair in source["category_weights"]]


def test_class_weights_weigh_the_losses(rows):
    model = ml.train(TO_THE_END | {"l2_reg": 1.0, "class_weights": [("0", 0.5), ("1", 3.0)]}, rows)
    solver = LogisticRegression(class_weight={0: 0.5, 1: 3.0}, tol=1e-12, max_iter=10_000)
    reference = solver.fit(design(rows), rows["bought"].to_numpy())

    assert np.allclose(positive(model, rows), reference.predict_proba(design(rows))[:, 1], atol=1e-6)


def test_auto_class_weights_agree_with_balanced_weights_in_scikit_learn(rows):
    model = ml.train(TO_THE_END | {"l2_reg": 1.0, "auto_class_weights": True}, rows)
    solver = LogisticRegression(class_weight="balanced", tol=1e-12, max_iter=10_000)
    reference = solver.fit(design(rows), rows["bought"].to_numpy())

    assert np.allclose(positive(model, rows), reference.predict_proba(design(rows))[:, 1], atol=1e-6)


def test_without_an_intercept_none_is_fitted(rows):
    model = ml.train(TO_THE_END | {"l2_reg": 1.0, "fit_intercept": False}, rows)
    solver = LogisticRegression(fit_intercept=False, tol=1e-12, max_iter=10_000)
    reference = solver.fit(design(rows), rows["bought"].to_numpy())

    assert np.allclose(positive(model, rows), reference.predict_proba(design(rows))[:, 1], atol=1e-6)
    assert ml.weights(model, standardize=True).to_pylist()[-1]["weight"] == 0


def test_a_constant_learn_rate_reaches_the_same_minimum(rows):
    numbers = rows.select(["bounces", "seconds", "bought"])
    steps = {"learn_rate_strategy": "CONSTANT", "learn_rate": 1.0, "max_iterations": 3000, "l1_reg": 5.0, "l2_reg": 2.0}
    slow = ml.train(TO_THE_END | steps, numbers)
    fast = ml.train(TO_THE_END | {"l1_reg": 5.0, "l2_reg": 2.0}, numbers)

    assert np.allclose(positive(slow, numbers), positive(fast, numbers), atol=1e-6)
    assert {iteration.learning_rate for iteration in slow.iterations} == {1.0}


def test_weights_have_the_scale_of_the_columns_unless_standardized_ones_are_requested(rows):
    numbers = rows.select(["bounces", "seconds", "bought"]).drop_null()
    model = ml.train(TO_THE_END, numbers)

    weight = {row["processed_input"]: row["weight"] for row in ml.weights(model).to_pylist()}
    log_odds = weight["__INTERCEPT__"] + sum(weight[name] * numbers[name].to_numpy() for name in ("bounces", "seconds"))
    assert np.allclose(1 / (1 + np.exp(-log_odds)), positive(model, numbers), atol=1e-12)


def test_training_info_has_the_mean_log_loss_of_both_splits(rows):
    model = ml.train(LOGISTIC | {"early_stop": False, "max_iterations": 4}, rows)

    info = ml.training_info(model)
    assert info.column_names == ["training_run", "iteration", "loss", "eval_loss", "learning_rate", "duration_ms"]
    assert info["iteration"].to_pylist() == [3, 2, 1, 0]
    assert info["eval_loss"][0].as_py() == pytest.approx(ml.evaluate(model)["log_loss"][0].as_py(), abs=1e-12)
    assert sorted(info["loss"].to_pylist()) == info["loss"].to_pylist()


def test_training_stops_at_the_first_iteration_of_too_little_progress(rows):
    seen: list[tuple[int, float, float | None]] = []
    model = ml.train(LOGISTIC | {"min_rel_progress": 0.02}, rows, progress=lambda *values: seen.append(values))

    losses = [iteration.eval_loss for iteration in model.iterations]
    progress = [(before - after) / before for before, after in pairwise(losses)]
    assert progress[-1] < 0.02
    assert all(step >= 0.02 for step in progress[:-1])
    assert seen == [(i.index, i.loss, i.eval_loss) for i in model.iterations]


def test_separable_classes_do_not_overflow():
    rows = pa.table({"x": [float(x) for x in range(-50, 50)], "label": [int(x >= 0) for x in range(-50, 50)]})
    model = ml.train({"model_type": "LOGISTIC_REG", "early_stop": False, "max_iterations": 300}, rows)

    assert ml.evaluate(model)["accuracy"][0].as_py() == 1
    assert all(np.isfinite(iteration.loss) for iteration in model.iterations)


def test_with_constant_features_the_prediction_is_the_share_of_positives():
    rows = pa.table({"x": [7] * 100, "empty": pa.array([None] * 100, pa.float64()), "label": [0] * 75 + [1] * 25})
    model = ml.train({"model_type": "LOGISTIC_REG"}, rows)

    assert ml.predict_columns(model, rows)["predicted_label_probs"][0][0]["prob"].as_py() == pytest.approx(0.25)
    assert len(model.iterations) == 1


def test_a_timestamp_becomes_epoch_seconds_and_calendar_categories():
    at = [f"2017-0{1 + i % 9}-1{i % 9} 0{i % 10}:3{i % 10}:00" for i in range(200)]
    column = pa.array(at).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    rows = pa.table({"at": column, "label": [i % 2 for i in range(200)]})
    model = ml.train({"model_type": "LOGISTIC_REG", "l2_reg": 1.0}, rows)

    parts = ["DOM", "DOW", "MOY", "HOD", "MOH", "WOY", "YEAR"]
    inputs = [row["processed_input"] for row in ml.weights(model).to_pylist()]
    assert inputs == ["at", *(f"_TS_{part}_at" for part in parts), "__INTERCEPT__"]
    assert [statistics.input for statistics in model.statistics] == ["at"]
    year = ml.weights(model).to_pylist()[7]["category_weights"]
    assert [pair["category"] for pair in year] == ["2017"]
