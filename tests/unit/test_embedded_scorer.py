"""The embedded scorer agrees with BigQuery ML, and the scorer's reader of boosters agrees with treelite."""

import functools
import math
import re
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import treelite
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as gcs
from hypothesis import given, settings
from hypothesis import strategies as st

from deskcloud.bigquery import ml
from shared import embedded_scorer, jsontext
from shared.calibration import Calibrator
from shared.chain import exported_booster, scorer_artefact
from shared.chain.documents import SCORER
from shared.errors import Permanent
from shared.store import Store

CALIBRATOR = Calibrator(0.8, ((-1.0, -1.5), (1.0, 0.4)))
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
def trained(model_type: str) -> tuple[ml.TrainedModel, embedded_scorer.Artefact]:
    options = {"model_type": model_type, "input_label_cols": ["label"], "data_split_method": "NO_SPLIT"}
    model = ml.train(options, visitors())
    means = {row["input"]: row["mean"] for row in ml.feature_info(model).to_pylist() if row["mean"] is not None}
    if model_type == "LOGISTIC_REG":
        return model, scorer_artefact.from_weights(ml.weights(model).to_pylist(), means)
    with tempfile.TemporaryDirectory() as folder:
        ml.export(model, Path(folder))
        content = (Path(folder) / "model.bst").read_bytes()
        vocabularies = {2: scorer_artefact.vocabulary((Path(folder) / "assets" / "2.txt").read_bytes())}
    inputs = {feature.name: means.get(feature.name) for feature in model.features}
    return model, scorer_artefact.from_booster(exported_booster.read(content), inputs, vocabularies)


LARGEST = float(np.finfo(np.float32).max)
# Numbers at the limits of float32, float64 and INT64, and numbers that float32 or float64 rounds.
borders = st.sampled_from([0.0, -0.0, 5e-324, 1e-40, 16777217.0, 2.0**53 + 1, -(2.0**63), LARGEST, -LARGEST])
numbers = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50)
amounts = st.none() | borders | st.floats(-LARGEST, LARGEST) | st.floats(0, 200, width=32)


def thresholds():
    """Return a strategy that draws a threshold of the trees, or the float64 next below or above the threshold."""
    _, artefact = trained("BOOSTED_TREE_CLASSIFIER")
    found = sorted({node[1] for tree in artefact.trees for node in tree if isinstance(node, tuple)})
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
def test_the_scorer_agrees_with_ml_predict_and_the_calibrator_for_any_visitor(model_type, rows):
    model, artefact = trained(model_type)
    bare = embedded_scorer.load(artefact)
    calibrated = msgspec.structs.replace(artefact, calibrator=CALIBRATOR)
    scorer = embedded_scorer.load(embedded_scorer.read(jsontext.encode(calibrated)))
    schema = visitors(1).schema.remove(3)
    predicted = ml.predict(model, pa.Table.from_pylist(rows, schema)).to_pylist()
    for row, prediction in zip(rows, predicted, strict=True):
        expected = next(one["prob"] for one in prediction["predicted_label_probs"] if one["label"] == 1)
        assert bare.probability(row) == pytest.approx(expected, abs=1e-6)
        assert scorer.probability(row) == pytest.approx(CALIBRATOR.apply(expected), abs=1e-6)


@pytest.mark.parametrize("model_type", ["LOGISTIC_REG", "BOOSTED_TREE_CLASSIFIER"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "12", [1]])
def test_the_error_about_a_value_that_is_not_a_number_names_its_feature(model_type, value):
    scorer = embedded_scorer.load(trained(model_type)[1])
    with pytest.raises(ValueError, match="feature money must be a number"):
        scorer.probability({"number": 1, "money": value, "category": "a"})


@pytest.mark.parametrize("value", [np.nextafter(LARGEST, math.inf), 3.5e38, -3.5e38, 1e300])
def test_trees_refuse_numbers_beyond_float32_as_ml_predict_does(value):
    model, artefact = trained("BOOSTED_TREE_CLASSIFIER")
    scorer = embedded_scorer.load(artefact)
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


def test_in_a_vocabulary_only_a_newline_ends_a_category():
    odd = ["plain", "next line\x85", "line separator\u2028", "form feed\x0c", " spaces ", ""]
    assert scorer_artefact.vocabulary("".join(f"{category}\n" for category in odd).encode()) == odd
    assert scorer_artefact.vocabulary(b"no newline\nat the end") == ["no newline", "at the end"]
    assert scorer_artefact.vocabulary(b"") == []


def test_the_reader_of_boosters_agrees_with_treelite(tmp_path):
    [path] = BOOSTER.glob("*.bst")
    read = exported_booster.read(path.read_bytes())
    model = treelite.frontend.load_xgboost_model_legacy_binary(str(path))
    rows = np.random.default_rng(3).normal(0, 30, (200, model.num_feature)).astype(np.float32)
    names = [f"f{number}" for number in range(model.num_feature)]
    scorer = embedded_scorer.load(scorer_artefact.from_booster(read, dict.fromkeys(names, 0.0), {}))
    ours = [scorer.probability(dict(zip(names, row.tolist(), strict=True))) for row in rows]
    theirs = treelite.gtil.predict(model, rows).ravel()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@given(cut=st.integers(0, 400))
def test_an_incomplete_booster_is_refused(cut):
    [path] = BOOSTER.glob("*.bst")
    with pytest.raises(exported_booster.BoosterError):
        exported_booster.read(path.read_bytes()[:cut])


# Artefacts in the format of earlier releases, which the scorer must still read.
WRITTEN = {
    "logistic": (
        b'{"kind":"logistic","intercept":-1.5,"numbers":{"hits":[0.25,6.0]},'
        b'"categories":{"device":{"desktop":0.5,"_null_filler":-0.5}}}'
    ),
    "boosted_trees": (
        b'{"kind":"boosted_trees","base_log_odds":0.5,'
        b'"inputs":[{"name":"hits","mean":6.0},{"name":"device","codes":{"desktop":1}}],'
        b'"trees":[[[0,2.5,1,2,true],-0.5,0.75],[0.125]]}'
    ),
}


WRITTEN |= {
    f"calibrated {kind}": text[:-1] + b',"calibrator":{"slope":0.9,"knots":[[0.0,-0.3]]}}'
    for kind, text in WRITTEN.items()
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_an_artefact_is_written_as_it_was_read(kind):
    assert jsontext.encode(embedded_scorer.read(WRITTEN[kind])) == WRITTEN[kind]


def test_a_category_without_a_vocabulary_is_read_as_earlier_releases_wrote_it():
    written = WRITTEN["boosted_trees"].replace(b'"mean":6.0', b'"mean":null')
    assert embedded_scorer.read(written).inputs[0] == embedded_scorer.TreesInput("hits")


UNREADABLE = {
    "Invalid value 'neural' - at `$.kind`": b'{"kind":"neural"}',
    "Object missing required field `kind`": b'{"intercept":0.0}',
    "Object missing required field `numbers`": b'{"kind":"logistic","intercept":0.0,"categories":{}}',
    "Object contains unknown field `scale`": WRITTEN["logistic"].replace(b'"numbers"', b'"scale":1,"numbers"'),
    "Object contains unknown field `unit` - at `$.inputs[0]`": WRITTEN["boosted_trees"].replace(
        b'"mean"', b'"unit":"","mean"'
    ),
    "Expected `float`, got `null` - at `$.intercept`": WRITTEN["logistic"].replace(b"-1.5", b"null"),
    "Expected `array` of length 5 - at `$.trees[0][0]`": WRITTEN["boosted_trees"].replace(b",true", b""),
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_the_error_about_an_invalid_artefact_names_the_field(reason):
    with pytest.raises(msgspec.ValidationError, match=re.escape(reason)):
        embedded_scorer.read(UNREADABLE[reason])


def test_in_the_chain_an_invalid_artefact_is_a_permanent_error():
    store = Store(gcs.Client("demo", AnonymousCredentials()).bucket("shop"))
    with pytest.raises(Permanent, match=r"gs://shop/scorer\.json cannot be read: .* missing required field `numbers`"):
        store.decode("scorer.json", b'{"kind":"logistic","intercept":0.0,"categories":{}}', SCORER.kind)


def test_without_the_training_mean_of_a_number_no_artefact_is_made():
    with pytest.raises(ValueError, match="the training statistics have no mean of hits"):
        scorer_artefact.from_weights([{"processed_input": "hits", "weight": 0.5}], {"hits": None})
