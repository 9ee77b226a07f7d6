"""Regression with boosted trees agrees with direct calls of XGBoost, and exported models agree with treelite."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import treelite
import xgboost as xgb

from desk import penguins
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import split

ALL_ROUNDS = penguins.TREES | {"early_stop": False, "data_split_method": "NO_SPLIT"}

# The defaults of CREATE MODEL as XGBoost's parameters.
DEFAULTS = {"objective": "reg:squarederror", "base_score": 0.5, "tree_method": "hist", "seed": 0}
DEFAULTS |= {"max_depth": 6, "learning_rate": 0.3, "reg_lambda": 1.0, "reg_alpha": 0.0, "min_child_weight": 1}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Return the rows in the order of training. SUBSAMPLE chooses rows by their position in this order."""
    return split.in_order(penguins.weighed())


def encoded(rows: pa.Table) -> np.ndarray:
    """Return the matrix that BigQuery's documentation describes.

    Numbers are unchanged, categories are numbered from 1, and a NULL category is 0.
    """
    columns = []
    for name, type_ in penguins.TYPES.items():
        if name == "body_mass_g":
            continue
        if type_ == "FLOAT64":
            columns.append(rows[name].to_numpy())
        else:
            known = pa.array(sorted(pc.unique(rows[name]).drop_null().to_pylist()))
            columns.append(pc.fill_null(pc.index_in(rows[name], known), -1).to_numpy() + 1)
    return np.column_stack(columns).astype(np.float32)


def data(rows: pa.Table, **fields: np.ndarray) -> xgb.DMatrix:
    return xgb.DMatrix(encoded(rows), rows["body_mass_g"].to_numpy(), **fields)


def predicted(model: ml.TrainedModel, rows: pa.Table) -> np.ndarray:
    return ml.regression.predict(model, rows)["predicted_body_mass_g"].to_numpy()


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, {}),
        (
            {"max_tree_depth": 3, "learn_rate": 0.1, "l1_reg": 0.5, "l2_reg": 2.0, "subsample": 0.7},
            {"max_depth": 3, "learning_rate": 0.1, "reg_alpha": 0.5, "reg_lambda": 2.0, "subsample": 0.7},
        ),
        ({"booster_type": "DART", "dropout": 0.3}, {"rate_drop": 0.3, "normalize_type": "tree"}),
    ],
)
def test_predictions_are_exactly_those_of_xgboost_and_of_the_exported_booster(rows, options, parameters, tmp_path):
    model = ml.train(ALL_ROUNDS | options, rows)
    booster = xgb.train(DEFAULTS | parameters, data(rows), 20)

    assert np.array_equal(predicted(model, rows), booster.predict(data(rows)).astype(np.float64))

    ml.export(model, tmp_path)
    exported = treelite.frontend.load_xgboost_model_legacy_binary(str(tmp_path / "model.bst"))
    assert np.allclose(treelite.gtil.predict(exported, encoded(rows)).ravel(), predicted(model, rows), rtol=1e-6)


def test_the_exported_booster_names_the_objective_as_version_0_82_does(rows, tmp_path):
    names = [file.relative_to(tmp_path).as_posix() for file in ml.export(ml.train(ALL_ROUNDS, rows), tmp_path)]

    assert names == ["model.bst", "assets/model_metadata.json", "assets/0.txt", "assets/1.txt", "assets/5.txt"]
    booster = (tmp_path / "model.bst").read_bytes()
    assert booster[:4] == np.float32(0.5).tobytes()
    assert b"reg:linear" in booster
    assert b"reg:squarederror" not in booster
    metadata = json.loads((tmp_path / "assets/model_metadata.json").read_text())
    assert (metadata["model_type"], metadata["label_col"]) == ("BOOSTED_TREE_REGRESSOR", "body_mass_g")
    assert "class_labels" not in metadata


def test_twenty_rounds_from_0_5_have_the_same_bias_as_in_bigquery(rows):
    # For this model, the system tests of BigQuery DataFrames (tests/system/small/ml/test_ensemble.py) expect an R2 of
    # 0.967458 and an explained variance of 0.967504. The explained variance minus R2 is the squared bias divided by the
    # variance of the label.
    (measured,) = ml.regression.evaluate(ml.train(ALL_ROUNDS, rows)).to_pylist()

    bias = np.sqrt((measured["explained_variance"] - measured["r2_score"]) * rows["body_mass_g"].to_numpy().var())
    assert bias == pytest.approx(np.sqrt((0.967504 - 0.967458) * 641_250), rel=0.05)


def test_training_info_has_the_mean_squared_error_of_both_splits():
    rows = pa.concat_tables([penguins.weighed()] * 3)
    model = ml.train(penguins.TREES | {"early_stop": False}, rows)

    info = ml.training_info(model).to_pylist()
    assert [row["iteration"] for row in info] == list(reversed(range(20)))
    assert info[0]["eval_loss"] == pytest.approx(ml.regression.evaluate(model)["mean_squared_error"][0].as_py())
    assert info[0]["loss"] < info[-1]["loss"]
    assert {row["learning_rate"] for row in info} == {0.3}


def test_instance_weights_have_the_same_effect_as_in_xgboost(rows):
    weights = np.arange(len(rows)) % 3
    model = ml.train(
        ALL_ROUNDS | {"instance_weight_col": "w"}, split.in_order(rows).append_column("w", pa.array(weights))
    )
    by_row = dict(zip(map(str, rows.to_pylist()), weights, strict=True))
    booster = xgb.train(DEFAULTS, data(rows, weight=np.array([by_row[str(row)] for row in rows.to_pylist()])), 20)

    assert np.allclose(predicted(model, rows), booster.predict(data(rows)), rtol=1e-5)


def test_explanations_are_tree_shap_and_importance_is_xgboosts(rows):
    model = ml.train(ALL_ROUNDS | {"enable_global_explain": True}, rows)
    booster = xgb.train(DEFAULTS, data(rows), 20)
    parts = booster.predict(data(rows), pred_contribs=True)

    explained = ml.regression.explain_predict(model, rows, top_k_features=9).to_pylist()
    names = [name for name in penguins.TYPES if name != "body_mass_g"]
    for row, part in zip(explained, parts, strict=True):
        given = {pair["feature"]: pair["attribution"] for pair in row["top_feature_attributions"]}
        assert [given[name] for name in names] == pytest.approx(part[:-1].tolist(), abs=1e-3)
        assert row["baseline_prediction_value"] == pytest.approx(float(part[-1]))
    mean = dict(zip(names, np.abs(parts[:, :-1]).mean(axis=0).tolist(), strict=True))
    shown = {row["feature"]: row["attribution"] for row in ml.global_explain(model).to_pylist()}
    assert shown == pytest.approx(mean, rel=1e-4)
    weight = booster.get_score(importance_type="weight")
    assert ml.feature_importance(model)["importance_weight"].to_pylist() == [weight[f"f{i}"] for i in range(6)]


def test_a_saved_model_predicts_the_same_and_has_no_weights(rows, tmp_path):
    model = ml.train(ALL_ROUNDS | {"category_encoding_method": "ONE_HOT_ENCODING"}, rows)
    model.save(tmp_path)
    loaded = ml.load(tmp_path)

    assert np.array_equal(predicted(loaded, rows), predicted(model, rows))
    assert ml.regression.evaluate(loaded).equals(ml.regression.evaluate(model))
    with pytest.raises(ml.MLError, match=r"ML\.WEIGHTS is not supported for BOOSTED_TREE_REGRESSOR"):
        ml.weights(loaded)
    with pytest.raises(ml.MLError, match=r"ML\.FEATURE_IMPORTANCE is not supported for LINEAR_REGRESSION"):
        ml.feature_importance(ml.train(penguins.LINEAR, rows))


def test_a_label_too_large_for_xgboost_is_refused():
    with pytest.raises(ml.MLError, match=r"The label has a number beyond 3\.4e38"):
        ml.train({"model_type": "BOOSTED_TREE_REGRESSOR"}, pa.table({"x": [1.0, 2.0], "label": [1.0, 1e39]}))
