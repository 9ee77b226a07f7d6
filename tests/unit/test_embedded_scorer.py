"""The embedded scorer agrees with BigQuery ML, and the booster's reader with treelite."""

import functools
import math
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import treelite
from hypothesis import given, settings
from hypothesis import strategies as st

from deskcloud.bigquery import ml
from shared import embedded_scorer, exported_booster

CATEGORIES = ["a", "b", "c", None]
BOOSTER = Path(__file__).parents[2] / "deskcloud" / "tests" / "data" / "legacy_booster"


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
def trained(model_type: str) -> tuple[ml.TrainedModel, embedded_scorer.Scorer]:
    options = {"model_type": model_type, "input_label_cols": ["label"], "data_split_method": "NO_SPLIT"}
    model = ml.train(options, visitors())
    means = {row["input"]: row["mean"] for row in ml.feature_info(model).to_pylist() if row["mean"] is not None}
    if model_type == "LOGISTIC_REG":
        return model, embedded_scorer.load(embedded_scorer.from_weights(ml.weights(model).to_pylist(), means))
    with tempfile.TemporaryDirectory() as folder:
        ml.export(model, Path(folder))
        content = (Path(folder) / "model.bst").read_bytes()
        vocabularies = {2: embedded_scorer.vocabulary((Path(folder) / "assets" / "2.txt").read_bytes())}
    inputs = {feature.name: means.get(feature.name) for feature in model.features}
    return model, embedded_scorer.load(
        embedded_scorer.from_booster(exported_booster.read(content), inputs, vocabularies)
    )


LARGEST = float(np.finfo(np.float32).max)
# Borders of the trees, of float32 and of INT64, and what is next to them.
borders = st.sampled_from([0.0, -0.0, 5e-324, 1e-40, 16777217.0, 2.0**53 + 1, -(2.0**63), LARGEST, -LARGEST])
numbers = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50)
amounts = st.none() | borders | st.floats(-LARGEST, LARGEST) | st.floats(0, 200, width=32)


def thresholds():
    """Where the trees' branches part, as float64 and a little to either side."""
    _, scorer = trained("BOOSTED_TREE_CLASSIFIER")

    def walk(node):
        if isinstance(node, tuple):
            yield node[1]
            yield from walk(node[2])
            yield from walk(node[3])

    found = sorted({at for tree in scorer._trees for at in walk(tree)})
    return st.sampled_from([near for at in found for near in (np.nextafter(at, -1e9), at, np.nextafter(at, 1e9))])


wild = st.fixed_dictionaries(
    {
        "number": numbers,
        "money": amounts | st.deferred(thresholds).map(float),
        "category": st.sampled_from([*CATEGORIES, "never seen", "", "_null_filler"]),
    }
)


@pytest.mark.parametrize("model_type", ["LOGISTIC_REG", "BOOSTED_TREE_CLASSIFIER"])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(wild, min_size=1, max_size=60))
def test_the_scorer_says_what_ml_predict_says_of_any_visitor(model_type, rows):
    model, scorer = trained(model_type)
    schema = visitors(1).schema.remove(3)
    predicted = ml.predict(model, pa.Table.from_pylist(rows, schema)).to_pylist()
    for row, prediction in zip(rows, predicted, strict=True):
        expected = next(one["prob"] for one in prediction["predicted_label_probs"] if one["label"] == 1)
        assert scorer.probability(row) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("model_type", ["LOGISTIC_REG", "BOOSTED_TREE_CLASSIFIER"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "12", [1]])
def test_what_is_no_number_is_refused_by_name(model_type, value):
    _, scorer = trained(model_type)
    with pytest.raises(ValueError, match="feature money must be a number"):
        scorer.probability({"number": 1, "money": value, "category": "a"})


@pytest.mark.parametrize("value", [np.nextafter(LARGEST, math.inf), 3.5e38, -3.5e38, 1e300])
def test_trees_refuse_what_no_float32_can_hold_where_ml_predict_does(value):
    model, scorer = trained("BOOSTED_TREE_CLASSIFIER")
    row = {"number": 1, "money": float(value), "category": "a"}
    table = pa.Table.from_pylist([row], visitors(1).schema.remove(3))
    if value < 3.4028235e38 and value > 0:
        [prediction] = ml.predict(model, table).to_pylist()
        assert scorer.probability(row) == pytest.approx(prediction["predicted_label_probs"][0]["prob"], abs=1e-6)
        return
    with pytest.raises(ml.MLError, match="cannot hold"):
        ml.predict(model, table)
    with pytest.raises(ValueError, match="feature money"):
        scorer.probability(row)


def test_a_vocabulary_ends_a_category_at_a_newline_alone():
    odd = ["plain", "next line\x85", "line separator\u2028", "form feed\x0c", " spaces ", ""]
    assert embedded_scorer.vocabulary("".join(f"{category}\n" for category in odd).encode()) == odd
    assert embedded_scorer.vocabulary(b"no newline\nat the end") == ["no newline", "at the end"]
    assert embedded_scorer.vocabulary(b"") == []


def test_the_reader_of_boosters_agrees_with_treelite(tmp_path):
    [path] = BOOSTER.glob("*.bst")
    read = exported_booster.read(path.read_bytes())
    model = treelite.frontend.load_xgboost_model_legacy_binary(str(path))
    rows = np.random.default_rng(3).normal(0, 30, (200, model.num_feature)).astype(np.float32)
    names = [f"f{number}" for number in range(model.num_feature)]
    scorer = embedded_scorer.load(embedded_scorer.from_booster(read, dict.fromkeys(names, 0.0), {}))
    ours = [scorer.probability(dict(zip(names, row.tolist(), strict=True))) for row in rows]
    theirs = treelite.gtil.predict(model, rows).ravel()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@given(cut=st.integers(0, 400))
def test_a_booster_cut_short_is_refused(cut):
    [path] = BOOSTER.glob("*.bst")
    with pytest.raises(exported_booster.BoosterError):
        exported_booster.read(path.read_bytes()[:cut])


def test_an_artefact_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'neural'"):
        embedded_scorer.load({"kind": "neural"})
