"""CREATE MODEL splits its rows into rows for training and rows for evaluation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.ml import LOGISTIC, TREES, sessions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import split
from deskcloud.bigquery.ml.columns import Columns


def held_out(rows: pa.Table) -> pa.Table:
    """Return the rows that a random split uses for evaluation."""
    rows = split.in_order(rows)
    options = {"data_split_method": "RANDOM", "data_split_eval_fraction": None, "data_split_col": None}
    return rows.filter(pa.array(split.evaluation_rows(Columns(rows), options)))


def shuffled(rows: pa.Table) -> pa.Table:
    return rows.take(pa.array(np.random.default_rng(1).permutation(len(rows))))


@pytest.mark.parametrize(("rows", "held_out"), [(499, 0), (500, 100), (50_000, 10_000), (50_001, 10_000)])
def test_the_automatic_split_depends_on_the_number_of_rows(rows, held_out):
    assert split.holdout_size(rows, None) == held_out


@pytest.mark.parametrize(
    ("options", "training", "evaluation"),
    [
        ({}, 1600, 400),
        ({"data_split_method": "RANDOM"}, 1600, 400),
        ({"data_split_method": "RANDOM", "data_split_eval_fraction": 0.1}, 1800, 200),
        ({"data_split_method": "NO_SPLIT"}, 2000, 0),
    ],
)
def test_the_model_says_how_many_rows_were_for_training_and_for_evaluation(options, training, evaluation):
    model = ml.train(LOGISTIC | options, sessions())

    assert (model.training_rows, model.evaluation_rows) == (training, evaluation)


def test_with_nothing_held_out_eval_loss_is_null_and_metrics_are_those_of_the_training_rows():
    rows = sessions()
    model = ml.train(LOGISTIC | {"data_split_method": "NO_SPLIT"}, rows)

    assert set(ml.training_info(model)["eval_loss"].to_pylist()) == {None}
    assert ml.evaluate(model).equals(ml.evaluate(model, split.in_order(rows)))


def test_evaluation_without_given_rows_uses_the_held_out_rows():
    rows = sessions()
    model = ml.train(LOGISTIC, rows)

    assert ml.evaluate(model).equals(ml.evaluate(model, held_out(rows)))
    assert ml.confusion_matrix(model).equals(ml.confusion_matrix(model, held_out(rows)))
    assert ml.roc_curve(model).equals(ml.roc_curve(model, held_out(rows)))


def test_the_random_split_depends_on_the_rows_and_not_on_their_order():
    assert held_out(sessions()).equals(held_out(shuffled(sessions())))


@pytest.mark.parametrize("options", [LOGISTIC, TREES | {"subsample": 0.5, "early_stop": False}])
def test_the_same_rows_in_another_order_train_the_same_model(options):
    rows = sessions()
    one, other = ml.train(options, rows), ml.train(options, shuffled(rows))

    assert ml.predict_columns(one, rows).equals(ml.predict_columns(other, rows))
    assert ml.training_info(one).drop("duration_ms").equals(ml.training_info(other).drop("duration_ms"))


@pytest.mark.parametrize("change", ["name", "type"])
def test_the_random_split_depends_on_column_names_and_types(change):
    rows = sessions()
    other = rows.rename_columns(["bounced", *rows.column_names[1:]])
    if change == "type":
        other = rows.set_column(0, "bounces", rows["bounces"].cast(pa.float64()))

    assert set(held_out(rows)["seconds"].to_pylist()) != set(held_out(other)["seconds"].to_pylist())


def test_copies_of_one_row_are_split_between_training_and_evaluation():
    rows = pa.table({"bounces": [1] * 1000, "label": [0, 1] * 500})

    assert 60 < held_out(rows)["label"].to_pylist().count(1) < 140


def test_a_custom_split_evaluates_on_true_and_null_and_trains_on_false():
    rows = sessions(400).append_column("held_out", pa.array([True, None, False, False] * 100))
    model = ml.train(LOGISTIC | {"data_split_method": "CUSTOM", "data_split_col": "Held_Out"}, rows)

    assert (model.training_rows, model.evaluation_rows) == (200, 200)
    assert "held_out" not in [feature.name for feature in model.features]


def test_a_custom_split_needs_a_bool_column():
    with pytest.raises(ml.MLError, match=r"'source' is STRING; CUSTOM needs a BOOL"):
        ml.train(LOGISTIC | {"data_split_method": "CUSTOM", "data_split_col": "source"}, sessions())


@given(
    values=st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=40),
    fraction=st.sampled_from([0.01, 0.2, 0.5, 0.99]),
)
@settings(deadline=None, max_examples=60)
def test_a_sequential_split_evaluates_on_values_from_a_threshold_on_but_not_on_null(values, fraction):
    rows = pa.table({"at": pa.array(values, pa.int64())})
    options = {"data_split_method": "SEQ", "data_split_eval_fraction": fraction, "data_split_col": "at"}
    mask = split.evaluation_rows(Columns(rows), options)

    training = [value for value, evaluates in zip(values, mask, strict=True) if not evaluates]
    evaluation = [value for value, evaluates in zip(values, mask, strict=True) if evaluates]
    assert None not in evaluation
    assert all(old < new for old in training if old is not None for new in evaluation)
    known = [value for value in values if value is not None]
    assert len(evaluation) >= min(round(len(values) * fraction), len(known))


def test_a_split_that_leaves_no_training_row_or_one_class_is_an_error():
    rows = sessions(100).append_column("held_out", pa.array([True] * 100))
    with pytest.raises(ml.MLError, match="leaves no row to train on"):
        ml.train(LOGISTIC | {"data_split_method": "CUSTOM", "data_split_col": "held_out"}, rows)

    positives = pa.array([value == 1 for value in rows["bought"].to_pylist()])
    rows = rows.set_column(rows.column_names.index("held_out"), "held_out", positives)
    with pytest.raises(ml.MLError, match=r"every training row has bought=0"):
        ml.train(LOGISTIC | {"data_split_method": "CUSTOM", "data_split_col": "held_out"}, rows)


def test_every_type_of_column_can_be_part_of_the_fingerprint():
    rows = pa.table(
        {
            "array": pa.array([[1], [2], None] * 10),
            "bytes": pa.array([b"a", None, b"b"] * 10),
            "numeric": pa.array([1, 2, None] * 10).cast(pa.decimal128(38, 9)),
            "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}] * 10),
            "nothing": pa.nulls(30),
        }
    )
    hashes = split.fingerprints(Columns(rows))

    assert len(set(hashes.tolist())) == 30
