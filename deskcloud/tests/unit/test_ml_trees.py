"""Boosted trees agree with direct calls of XGBoost, and exported models agree with treelite."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import treelite
import xgboost as xgb

from desk.ml import TREES, sessions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import legacy_booster, split

DATA = Path(__file__).parent.parent / "data"
ALL_ROUNDS = TREES | {"early_stop": False}

# The defaults of CREATE MODEL as XGBoost's parameters.
DEFAULTS = {"objective": "binary:logistic", "base_score": 0.5, "tree_method": "hist", "seed": 0}
DEFAULTS |= {"max_depth": 6, "learning_rate": 0.3, "reg_lambda": 1.0, "reg_alpha": 0.0, "min_child_weight": 1}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Return the rows in the order of training. SUBSAMPLE chooses rows by their position in this order."""
    return split.in_order(sessions())


def encoded(rows: pa.Table) -> np.ndarray:
    """Return the matrix that BigQuery's documentation describes.

    A NULL number is replaced by the mean. Categories are numbered from 1, and a NULL category is 0.
    """
    seconds = pc.fill_null(rows["seconds"], pc.mean(rows["seconds"]).as_py())
    source = [
        0 if name is None else 1 + ["direct", "google", "mail", "partner"].index(name)
        for name in rows["source"].to_pylist()
    ]
    mobile = [1 + int(value) for value in rows["mobile"].to_pylist()]
    return np.column_stack([rows["bounces"].to_numpy(), seconds.to_numpy(), source, mobile]).astype(np.float32)


def positive(model: ml.TrainedModel, rows: pa.Table) -> np.ndarray:
    probs = ml.predict_columns(model, rows)["predicted_bought_probs"].combine_chunks()
    return probs.flatten().field("prob").to_numpy()[::2]


XGBOOST_NAMES = {
    "max_tree_depth": "max_depth",
    "learn_rate": "learning_rate",
    "l1_reg": "reg_alpha",
    "l2_reg": "reg_lambda",
    "min_tree_child_weight": "min_child_weight",
    "min_split_loss": "gamma",
    "dropout": "rate_drop",
    "dart_normalize_type": "normalize_type",
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_tree_depth": 3, "learn_rate": 0.1, "l1_reg": 0.5, "l2_reg": 2.0},
        {"subsample": 0.7, "colsample_bytree": 0.8, "colsample_bylevel": 0.9, "colsample_bynode": 0.9},
        {"min_tree_child_weight": 5, "min_split_loss": 0.5, "tree_method": "EXACT"},
        {"num_parallel_tree": 3, "subsample": 0.5, "tree_method": "APPROX"},
        {"booster_type": "DART", "dropout": 0.3, "dart_normalize_type": "FOREST"},
    ],
)
def test_predictions_are_exactly_those_of_xgboost_on_the_same_matrix(rows, options, tmp_path):
    model = ml.train(ALL_ROUNDS | {"data_split_method": "NO_SPLIT"} | options, rows)
    given = {name: value for name, value in options.items() if name != "booster_type"}
    parameters = {
        XGBOOST_NAMES.get(name, name): value.lower() if isinstance(value, str) else value
        for name, value in given.items()
    }
    data = xgb.DMatrix(encoded(rows), rows["bought"].to_numpy())
    booster = xgb.train(DEFAULTS | parameters, data, 20)

    assert np.array_equal(positive(model, rows), booster.predict(data).astype(np.float64))

    ml.export(model, tmp_path)
    exported = treelite.frontend.load_xgboost_model_legacy_binary(str(tmp_path / "model.bst"))
    assert np.allclose(treelite.gtil.predict(exported, encoded(rows)).ravel(), positive(model, rows), atol=1e-6)


def test_class_weights_are_instance_weights(rows):
    weighed = ml.train(ALL_ROUNDS | {"data_split_method": "NO_SPLIT", "auto_class_weights": True}, rows)
    bought = rows["bought"].to_numpy()
    of_class = len(bought) / (2 * np.bincount(bought))
    data = xgb.DMatrix(encoded(rows), bought, weight=of_class[bought])

    assert np.array_equal(positive(weighed, rows), xgb.train(DEFAULTS, data, 20).predict(data).astype(np.float64))

    by_column = rows.append_column("w", pa.array(of_class[bought]))
    instance = ml.train(ALL_ROUNDS | {"data_split_method": "NO_SPLIT", "instance_weight_col": "w"}, by_column)
    assert np.array_equal(positive(instance, rows), positive(weighed, rows))


def test_one_hot_encoding_gives_a_column_to_each_category_and_to_null(rows):
    options = {"data_split_method": "NO_SPLIT", "category_encoding_method": "ONE_HOT_ENCODING"}
    model = ml.train(ALL_ROUNDS | options, rows.select(["source", "bought"]))
    codes = encoded(rows)[:, 2]
    columns = np.column_stack([codes == code for code in (1, 2, 3, 4, 0)]).astype(np.float32)
    data = xgb.DMatrix(columns, rows["bought"].to_numpy())

    assert np.array_equal(positive(model, rows), xgb.train(DEFAULTS, data, 20).predict(data).astype(np.float64))
    assert ml.feature_importance(model)["feature"].to_pylist() == ["source"]


def test_training_stops_at_the_first_round_of_too_little_progress(rows):
    model = ml.train(TREES | {"min_rel_progress": 0.05}, rows)

    losses = [iteration.eval_loss for iteration in model.iterations]
    progress = [(before - after) / before for before, after in pairwise(losses)]
    assert len(losses) < 20
    assert progress[-1] < 0.05 <= min(progress[:-1])


def test_losses_are_those_of_the_evaluation(rows):
    model = ml.train(ALL_ROUNDS, rows)

    assert model.iterations[-1].eval_loss == pytest.approx(ml.evaluate(model)["log_loss"][0].as_py(), abs=1e-6)
    assert [iteration.learning_rate for iteration in model.iterations] == [0.3] * 20


def test_importance_is_xgboosts_score(rows):
    model = ml.train(
        ALL_ROUNDS | {"data_split_method": "NO_SPLIT"}, rows.append_column("flat", pa.array([1] * len(rows)))
    )
    booster = xgb.train(DEFAULTS, xgb.DMatrix(encoded(rows), rows["bought"].to_numpy()), 20)

    table = ml.feature_importance(model).to_pydict()
    assert table["feature"] == ["bounces", "seconds", "source", "mobile", "flat"]
    for kind in ("weight", "gain", "cover"):
        score = booster.get_score(importance_type=kind)
        assert table[f"importance_{kind}"] == pytest.approx([score[f"f{i}"] for i in range(4)] + [0.0], rel=1e-6)


def test_export_writes_booster_metadata_and_a_vocabulary_for_each_category(rows, tmp_path):
    model = ml.train(TREES, rows)
    files = ml.export(model, tmp_path)

    names = [file.relative_to(tmp_path).as_posix() for file in files]
    assert names == ["model.bst", "assets/model_metadata.json", "assets/2.txt", "assets/3.txt"]
    assert (tmp_path / "assets/2.txt").read_text().splitlines() == ["direct", "google", "mail", "partner"]
    metadata = json.loads((tmp_path / "assets/model_metadata.json").read_text())
    assert [feature["name"] for feature in metadata["features"]] == ["bounces", "seconds", "source", "mobile"]
    assert metadata["class_labels"] == ["0", "1"]


def test_a_category_with_a_line_break_cannot_be_exported(tmp_path):
    rows = pa.table({"c": ["a\nb", "c"] * 50, "label": [0, 1] * 50})
    model = ml.train({"model_type": "BOOSTED_TREE_CLASSIFIER"}, rows)

    with pytest.raises(ml.MLError, match="line break"):
        ml.export(model, tmp_path)


@pytest.mark.parametrize("base_score", [0.5, 0.1])
def test_the_legacy_format_keeps_the_base_score(rows, tmp_path, base_score):
    data = xgb.DMatrix(encoded(rows), rows["bought"].to_numpy())
    booster = xgb.train(DEFAULTS | {"base_score": base_score}, data, 3)
    (tmp_path / "model.bst").write_bytes(legacy_booster.dumps(booster))

    read = treelite.frontend.load_xgboost_model_legacy_binary(str(tmp_path / "model.bst"))
    assert np.allclose(treelite.gtil.predict(read, encoded(rows)).ravel(), booster.predict(data), atol=1e-6)


def test_a_tree_of_one_leaf_is_written(tmp_path):
    booster = xgb.train(DEFAULTS, xgb.DMatrix(np.zeros((4, 1)), [0, 1, 1, 1]), 2)
    (tmp_path / "model.bst").write_bytes(legacy_booster.dumps(booster))

    read = treelite.frontend.load_xgboost_model_legacy_binary(str(tmp_path / "model.bst"))
    expected = booster.predict(xgb.DMatrix(np.zeros((1, 1))))
    assert np.allclose(treelite.gtil.predict(read, np.zeros((1, 1), np.float32)).ravel(), expected, atol=1e-6)


def test_a_stored_booster_in_the_legacy_format_still_gives_its_predictions():
    read = treelite.frontend.load_xgboost_model_legacy_binary(str(DATA / "legacy_booster/model.bst"))
    kept = json.loads((DATA / "legacy_booster/predictions.json").read_text())

    given = treelite.gtil.predict(read, np.array(kept["rows"], np.float32)).ravel()
    assert np.allclose(given, kept["probabilities"], atol=1e-6)


def test_a_timestamp_is_refused_by_name():
    at = pa.array(["2017-08-01 00:00:00"] * 4).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))

    with pytest.raises(ml.MLError, match=r"'visited_at' is TIMESTAMP.*UNIX_SECONDS"):
        ml.train({"model_type": "BOOSTED_TREE_CLASSIFIER"}, pa.table({"visited_at": at, "label": [0, 1, 0, 1]}))


def test_a_number_too_large_for_xgboost_is_refused_by_column():
    with pytest.raises(ml.MLError, match=r"'x' has a number beyond 3\.4e38"):
        ml.train({"model_type": "BOOSTED_TREE_CLASSIFIER"}, pa.table({"x": [1.0, 1e39], "label": [0, 1]}))
