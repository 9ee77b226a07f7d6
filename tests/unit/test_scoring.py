"""The embedded scorer agrees with BigQuery ML, and the booster's reader with treelite."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import treelite
from hypothesis import given, settings
from hypothesis import strategies as st

from local.bigquery import ml
from shared import booster, scoring

CATEGORIES = ["a", "b", "c", None]
BOOSTER = Path(__file__).parent.parent / "data" / "legacy_booster"


def visitors(count: int = 800) -> pa.Table:
    rng = np.random.default_rng(7)
    number, money = rng.integers(0, 30, count), rng.gamma(2.0, 50.0, count)
    category = rng.integers(0, len(CATEGORIES), count)
    log_odds = 0.15 * number - 0.01 * money + category - 3
    return pa.table(
        {
            "number": pa.array([None if i % 17 == 0 else int(n) for i, n in enumerate(number)], pa.int64()),
            "money": pa.array([None if i % 23 == 0 else float(m) for i, m in enumerate(money)], pa.float64()),
            "category": pa.array([CATEGORIES[code] for code in category]),
            "label": pa.array((rng.random(count) < 1 / (1 + np.exp(-log_odds))).astype(int), pa.int64()),
        }
    )


@functools.cache
def trained(model_type: str) -> tuple[ml.TrainedModel, scoring.Scorer]:
    options = {"model_type": model_type, "input_label_cols": ["label"], "data_split_method": "NO_SPLIT"}
    model = ml.train(options, visitors())
    means = {row["input"]: row["mean"] for row in ml.feature_info(model).to_pylist() if row["mean"] is not None}
    if model_type == "LOGISTIC_REG":
        return model, scoring.load(scoring.from_weights(ml.weights(model).to_pylist(), means))
    with tempfile.TemporaryDirectory() as folder:
        ml.export(model, Path(folder))
        content = (Path(folder) / "model.bst").read_bytes()
        vocabularies = {2: (Path(folder) / "assets" / "2.txt").read_text().splitlines()}
    inputs = {feature.name: means.get(feature.name) for feature in model.features}
    return model, scoring.load(scoring.from_booster(booster.read(content), inputs, vocabularies))


wild = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-(10**6), 10**6),
        "money": st.none() | st.floats(-1e6, 1e6),
        "category": st.sampled_from([*CATEGORIES, "never seen", ""]),
    }
)


@pytest.mark.parametrize("model_type", ["LOGISTIC_REG", "BOOSTED_TREE_CLASSIFIER"])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(wild, min_size=1, max_size=20))
def test_the_scorer_says_what_ml_predict_says_of_any_visitor(model_type, rows):
    model, scorer = trained(model_type)
    schema = visitors(1).schema.remove(3)
    predicted = ml.predict(model, pa.Table.from_pylist(rows, schema)).to_pylist()
    for row, prediction in zip(rows, predicted, strict=True):
        expected = next(one["prob"] for one in prediction["predicted_label_probs"] if one["label"] == 1)
        assert scorer.probability(row) == pytest.approx(expected, abs=1e-6)


def test_the_reader_of_boosters_agrees_with_treelite(tmp_path):
    [path] = BOOSTER.glob("*.bst")
    read = booster.read(path.read_bytes())
    model = treelite.frontend.load_xgboost_model_legacy_binary(str(path))
    rows = np.random.default_rng(3).normal(0, 30, (200, model.num_feature)).astype(np.float32)
    names = [f"f{number}" for number in range(model.num_feature)]
    scorer = scoring.load(scoring.from_booster(read, dict.fromkeys(names, 0.0), {}))
    ours = [scorer.probability(dict(zip(names, row.tolist(), strict=True))) for row in rows]
    theirs = treelite.gtil.predict(model, rows).ravel()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@given(cut=st.integers(0, 400))
def test_a_booster_cut_short_is_refused(cut):
    [path] = BOOSTER.glob("*.bst")
    with pytest.raises(booster.BoosterError):
        booster.read(path.read_bytes()[:cut])


def test_an_artefact_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'neural'"):
        scoring.load({"kind": "neural"})
