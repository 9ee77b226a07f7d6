"""Linear regression agrees with Google's tutorial, NumPy and scikit-learn."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.linear_model import Lasso, Ridge

from desk import penguins
from desk.ml import LINEAR, margin, sessions
from deskcloud.bigquery import ml
from deskcloud.vertex import predictors

CLOSED = LINEAR | {"data_split_method": "NO_SPLIT"}
DESCENT = CLOSED | {"optimize_strategy": "BATCH_GRADIENT_DESCENT"}
TO_THE_END = DESCENT | {"early_stop": False, "max_iterations": 500}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Return the sessions whose label `seconds` is known. Other columns can be NULL."""
    table = sessions()
    return table.filter(pc.is_valid(table["seconds"]))


@pytest.fixture(scope="module")
def tutorial() -> ml.TrainedModel:
    return ml.train(penguins.LINEAR | {"enable_global_explain": True}, penguins.weighed())


def design(rows: pa.Table) -> np.ndarray:
    """Return the matrix of inputs that BigQuery's documentation describes.

    Its columns are the standardized numbers, then one column for each category and for a NULL category.
    """
    numbers = [rows[name].cast(pa.float64()).to_numpy() for name in ("bounces", "bought")]
    scaled = [(values - values.mean()) / values.std(ddof=1) for values in numbers]
    source = np.array(rows["source"].to_pylist(), object)
    mobile = rows["mobile"].to_numpy()
    categories = [source == name for name in ("direct", "google", "mail", "partner", None)] + [~mobile, mobile]
    return np.column_stack([*scaled, *categories]).astype(float)


def predicted(model: ml.TrainedModel, rows: pa.Table) -> np.ndarray:
    return ml.regression.predict(model, rows)[f"predicted_{model.label}"].to_numpy()


def learned(model: ml.TrainedModel) -> list[float]:
    """Return the standardized weights that the model has learned. The intercept is the last element."""
    found = []
    for row in ml.weights(model, standardize=True).to_pylist():
        found += [pair["weight"] for pair in row["category_weights"]] or [row["weight"]]
    return found


def test_metrics_and_predictions_of_the_penguins_have_every_digit_of_googles_tutorial(tutorial):
    (measured,) = ml.regression.evaluate(tutorial, penguins.weighed()).to_pylist()
    assert {name: penguins.printed(value) for name, value in measured.items()} == penguins.EVALUATION
    assert ml.regression.evaluate(tutorial).to_pylist() == [measured]

    table = ml.regression.explain_predict(tutorial, penguins.penguins())
    shown = {
        (row["culmen_length_mm"], row["culmen_depth_mm"]): penguins.printed(row["predicted_body_mass_g"])
        for row in table.to_pylist()
        if row["island"] == "Biscoe"
    }
    assert {bill: shown[bill] for bill in penguins.PREDICTIONS} == penguins.PREDICTIONS


def test_unique_attributions_of_the_penguins_have_the_digits_of_googles_tutorial(tutorial):
    explained = {row["feature"]: row["attribution"] for row in ml.global_explain(tutorial).to_pylist()}

    assert {name: penguins.printed(explained[name]) for name in penguins.ATTRIBUTIONS} == penguins.ATTRIBUTIONS


def test_one_iteration_of_the_normal_equation_gives_the_mean_squared_error(tutorial):
    (iteration,) = ml.training_info(tutorial).to_pylist()

    assert penguins.printed(iteration["loss"]) == penguins.EVALUATION["mean_squared_error"]
    assert (iteration["iteration"], iteration["eval_loss"], iteration["learning_rate"]) == (0, None, None)
    assert tutorial.training_options["optimizationStrategy"] == "NORMAL_EQUATION"
    assert {"learnRate", "learnRateStrategy", "initialLearnRate", "l1Regularization"}.isdisjoint(
        tutorial.training_options
    )


def test_the_normal_equation_gives_numpys_least_squares_with_the_smallest_weights(rows):
    model = ml.train(CLOSED, rows)
    matrix, label = design(rows), rows["seconds"].to_numpy()
    weights, *_ = np.linalg.lstsq(matrix - matrix.mean(axis=0), label - label.mean(), rcond=1e-10)
    intercept = label.mean() - matrix.mean(axis=0) @ weights

    # ML.WEIGHTS has the order of the query's columns: bounces, source, mobile, bought.
    bounces, bought, *categories = weights
    assert learned(model) == pytest.approx([bounces, *categories, bought, intercept], rel=1e-9)
    assert np.allclose(predicted(model, rows), matrix @ weights + intercept, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["NORMAL_EQUATION", "BATCH_GRADIENT_DESCENT"])
@pytest.mark.parametrize(("l2", "fit_intercept"), [(0.5, True), (50.0, True), (5.0, False)])
def test_l2_regularization_agrees_with_ridge_in_scikit_learn(rows, strategy, l2, fit_intercept):
    options = TO_THE_END | {"optimize_strategy": strategy, "l2_reg": l2, "fit_intercept": fit_intercept}
    model = ml.train(options, rows)
    reference = Ridge(alpha=l2, fit_intercept=fit_intercept, solver="cholesky").fit(
        design(rows), rows["seconds"].to_numpy()
    )

    assert np.allclose(predicted(model, rows), reference.predict(design(rows)), atol=1e-5)
    assert learned(model)[-1] == pytest.approx(reference.intercept_, abs=1e-5)


def test_l1_regularization_agrees_with_lasso_in_scikit_learn(rows):
    model = ml.train(TO_THE_END | {"l1_reg": 900.0}, rows)
    reference = Lasso(alpha=900 / len(rows), tol=1e-12, max_iter=100_000).fit(design(rows), rows["seconds"].to_numpy())

    assert np.allclose(predicted(model, rows), reference.predict(design(rows)), atol=1e-4)
    assert 0.0 in learned(model)
    assert 0.0 in reference.coef_


def test_gradient_descent_reaches_the_normal_equations_minimum(rows):
    exact, searched = ml.train(CLOSED, rows), ml.train(TO_THE_END, rows)
    constant = ml.train(
        TO_THE_END | {"learn_rate_strategy": "CONSTANT", "learn_rate": 0.5, "max_iterations": 900}, rows
    )

    assert np.allclose(predicted(searched, rows), predicted(exact, rows), atol=1e-6)
    assert np.allclose(predicted(constant, rows), predicted(exact, rows), atol=1e-3)
    assert {iteration.learning_rate for iteration in constant.iterations} == {0.5}


def test_dummy_encoding_changes_the_weights_and_not_the_predictions(rows):
    one_hot, dummy = ml.train(CLOSED, rows), ml.train(CLOSED | {"category_encoding_method": "DUMMY_ENCODING"}, rows)

    source = next(row for row in ml.weights(dummy).to_pylist() if row["processed_input"] == "source")
    assert [pair["category"] for pair in source["category_weights"] if pair["weight"] == 0] == ["google"]
    assert np.allclose(predicted(dummy, rows), predicted(one_hot, rows), atol=1e-9)


@pytest.mark.parametrize(
    ("options", "rows_per_input", "strategy"),
    [
        ({}, 10, "NORMAL_EQUATION"),
        ({}, 9, "BATCH_GRADIENT_DESCENT"),
        ({"optimize_strategy": "NORMAL_EQUATION"}, 9, "NORMAL_EQUATION"),
        ({"l1_reg": 0.0}, 10, "BATCH_GRADIENT_DESCENT"),
        ({"optimize_strategy": "BATCH_GRADIENT_DESCENT"}, 10, "BATCH_GRADIENT_DESCENT"),
    ],
)
def test_the_strategy_follows_the_options_and_the_number_of_rows(options, rows_per_input, strategy):
    # One number, three categories and NULL are five inputs.
    count = 5 * rows_per_input
    category = [["a", "b", "c", None][row % 4] for row in range(count)]
    table = pa.table(
        {"c": category, "x": [float(row) for row in range(count)], "label": [row % 7 for row in range(count)]}
    )

    model = ml.train({"model_type": "LINEAR_REG"} | options, table)
    assert model.training_options["optimizationStrategy"] == strategy
    assert ("l1Regularization" in model.training_options) == (strategy == "BATCH_GRADIENT_DESCENT")


def test_held_out_rows_are_used_for_eval_loss_metrics_and_early_stopping(rows):
    model = ml.train(DESCENT | {"data_split_method": "AUTO_SPLIT"}, rows)

    (measured,) = ml.regression.evaluate(model).to_pylist()
    assert (model.training_rows, model.evaluation_rows) == (len(rows) - round(len(rows) * 0.2), round(len(rows) * 0.2))
    assert model.iterations[-1].eval_loss == pytest.approx(measured["mean_squared_error"])
    assert len(model.iterations) < 20


@pytest.mark.parametrize("type_", [pa.int64(), pa.float32(), pa.decimal128(38, 9), pa.decimal256(76, 38)])
def test_a_label_of_any_numeric_type_is_learned_saved_and_evaluated(type_, tmp_path):
    table = pa.table({"x": [1.0, 2.0, 3.0, 4.0] * 10, "label": pa.array([2, 4, 6, 8] * 10).cast(type_)})
    ml.train({"model_type": "LINEAR_REG"}, table).save(tmp_path)
    model = ml.load(tmp_path)

    assert predicted(model, table) == pytest.approx(np.array([2.0, 4.0, 6.0, 8.0] * 10))
    assert ml.regression.predict(model, table).schema.field("predicted_label").type == pa.float64()
    assert ml.regression.evaluate(model, table)["r2_score"][0].as_py() == pytest.approx(1)


def test_a_log_error_of_nan_is_still_nan_when_the_model_is_loaded(tmp_path):
    table = pa.table({"x": [1.0, 2.0, 3.0] * 10, "label": [-3.0, 0.0, 3.0] * 10})
    model = ml.train({"model_type": "LINEAR_REG"}, table)
    model.save(tmp_path)

    assert math.isnan(ml.regression.evaluate(ml.load(tmp_path))["mean_squared_log_error"][0].as_py())
    shown = ml.describe(model)["trainingRuns"][0]["evaluationMetrics"]["regressionMetrics"]
    assert set(shown) == {"meanAbsoluteError", "meanSquaredError", "medianAbsoluteError", "rSquared"}


def test_explanations_add_up_to_the_prediction(tutorial):
    for row in ml.regression.explain_predict(tutorial, penguins.penguins(), top_k_features=9).to_pylist():
        total = row["baseline_prediction_value"] + sum(pair["attribution"] for pair in row["top_feature_attributions"])
        assert total == pytest.approx(row["prediction_value"])
        assert row["prediction_value"] == row["predicted_body_mass_g"]
        assert row["approximation_error"] == 0


def test_the_exported_weights_give_the_predictions(tutorial, tmp_path):
    assert ml.export(tutorial, tmp_path) == [tmp_path / "weights.json"]
    exported = json.loads((tmp_path / "weights.json").read_text())
    rows = penguins.penguins()
    assert [margin(exported, row) for row in rows.to_pylist()] == pytest.approx(predicted(tutorial, rows).tolist())
    assert "class_labels" not in exported


def test_a_regressors_prediction_of_an_instance_has_the_form_of_vertex_ai(tutorial, tmp_path):
    instance = {"culmen_length_mm": 45.2, "culmen_depth_mm": 16.4, "flipper_length_mm": 223.0, "island": "Biscoe"}
    instance |= {"species": "Gentoo penguin (Pygoscelis papua)", "sex": "MALE"}

    tutorial.save(tmp_path)
    (answer,) = predictors.load_bqml(tmp_path)([instance])
    assert {name: [penguins.printed(value) for value in values] for name, values in answer.items()} == {
        "predicted_body_mass_g": ["5413.510134"]
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1, 2], "label": ["a", "b"]}, "'label' is STRING; a label must be BIGNUMERIC, FLOAT64, INT64, NUMERIC"),
        ({"x": [1, 2], "label": [True, False]}, "'label' is BOOL; a label must be"),
        ({"x": [1, 2], "label": [1, None]}, "'label' has 1 NULLs: leave them out with WHERE label IS NOT NULL"),
        ({"x": [1, 2], "label": [1.0, math.inf]}, "'label' has NaN or infinite values"),
        ({"x": [], "label": pa.array([], pa.float64())}, "returns no rows"),
        ({"label": [1, 2]}, "no feature column"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused_by_column(columns, message):
    with pytest.raises(ml.MLError, match=message):
        ml.train({"model_type": "LINEAR_REG"}, pa.table(columns))


def test_rows_to_evaluate_on_need_labels_that_are_numbers(tutorial):
    rows = penguins.penguins()

    with pytest.raises(ml.MLError, match="'body_mass_g' has NULL, NaN or infinite values"):
        ml.regression.evaluate(tutorial, rows)
    with pytest.raises(ml.MLError, match="'body_mass_g' is STRING, but the model was trained with FLOAT64"):
        ml.regression.evaluate(tutorial, rows.set_column(5, "body_mass_g", rows["species"]))
    with pytest.raises(ml.MLError, match="no rows to evaluate on"):
        ml.regression.evaluate(tutorial, rows.slice(0, 0))


def test_a_learn_rate_under_which_the_loss_explodes_is_refused(rows):
    options = TO_THE_END | {"learn_rate_strategy": "CONSTANT", "learn_rate": 30.0, "max_iterations": 3000}

    with pytest.raises(ml.MLError, match="With LEARN_RATE=30, the loss grows beyond all bounds: set a lower"):
        ml.train(options, rows)


def test_too_many_categories_for_the_normal_equation_are_refused():
    table = pa.table({"c": [str(row) for row in range(10_001)], "label": range(10_001)})

    with pytest.raises(ml.MLError, match=r"10,000 numbers and categories in all, but these have 10,001"):
        ml.train(
            {"model_type": "LINEAR_REG", "optimize_strategy": "NORMAL_EQUATION", "data_split_method": "NO_SPLIT"}, table
        )


def test_with_constant_features_the_prediction_is_the_mean():
    rows = pa.table({"x": [7] * 40, "empty": pa.array([None] * 40, pa.float64()), "label": [1.0, 3.0] * 20})
    for options in ({}, {"optimize_strategy": "BATCH_GRADIENT_DESCENT"}):
        model = ml.train({"model_type": "LINEAR_REG"} | options, rows)
        assert predicted(model, rows).tolist() == [2.0] * 40
        assert len(model.iterations) == 1
