"""Metrics agree with scikit-learn, and BigQuery ML's functions in SQL return these metrics."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from desk.ml import LOGISTIC, sessions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import metrics, prediction
from deskcloud.bigquery.ml.metrics import Confusion

judged = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])), min_size=1, max_size=60
).map(lambda pairs: (np.array([p for p, _ in pairs]), np.array([q for _, q in pairs])))


@given(judged, st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]))
@settings(deadline=None, max_examples=60)
def test_counts_and_rates_are_scikit_learns(rows, threshold):
    positive, probabilities = rows
    counted = Confusion.at(threshold, positive, probabilities)
    predicted = probabilities >= threshold

    matrix = reference.confusion_matrix(positive, predicted, labels=[False, True])
    assert [[counted.true_negatives, counted.false_positives], [counted.false_negatives, counted.true_positives]] == (
        matrix.tolist()
    )
    assert counted.accuracy == pytest.approx(reference.accuracy_score(positive, predicted))
    nan = {"zero_division": np.nan}
    for name, score in (
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
        ("f1_score", reference.f1_score),
    ):
        assert getattr(counted, name) == pytest.approx(float(score(positive, predicted, **nan)), nan_ok=True)
    assert metrics.confusions([threshold], positive, probabilities) == [counted]


@given(judged)
@settings(deadline=None, max_examples=60)
def test_log_loss_and_roc_auc_are_scikit_learns(rows):
    positive, probabilities = rows

    expected = reference.log_loss(positive, probabilities, labels=[False, True])
    assert metrics.log_loss(positive, probabilities) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    if positive.all() or not positive.any():
        assert math.isnan(metrics.roc_auc(positive, probabilities))
    else:
        assert metrics.roc_auc(positive, probabilities) == pytest.approx(
            reference.roc_auc_score(positive, probabilities), abs=1e-12
        )


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return sessions()


@pytest.fixture(scope="module")
def model(rows) -> ml.TrainedModel:
    return ml.train(LOGISTIC, rows)


def test_evaluate_gives_one_row_of_six_floats(model, rows):
    table = ml.evaluate(model, rows, threshold=0.3)

    assert table.schema == pa.schema(
        [(name, pa.float64()) for name in ("precision", "recall", "accuracy", "f1_score", "log_loss", "roc_auc")]
    )
    predicted = ml.predict(model, rows, threshold=0.3)
    expected = reference.f1_score(predicted["bought"].to_numpy(), predicted["predicted_bought"].to_numpy())
    assert table["f1_score"].to_pylist() == [pytest.approx(expected)]


def test_precision_is_nan_when_nothing_is_predicted_positive(model, rows):
    measures = ml.evaluate(model, rows, threshold=1.0).to_pylist()[0]

    assert math.isnan(measures["precision"])
    assert (measures["recall"], measures["f1_score"]) == (0, 0)


def test_a_threshold_needs_rows_and_must_be_a_probability(model, rows):
    with pytest.raises(ml.MLError, match="only together with a table or query"):
        ml.evaluate(model, threshold=0.4)
    with pytest.raises(ml.MLError, match=r"from 0 to 1; got 1\.5"):
        ml.predict(model, rows, threshold=1.5)


def test_the_roc_curve_falls_from_the_highest_percentile(model, rows):
    table = ml.roc_curve(model, rows)

    assert table.column_names == [
        "threshold",
        "recall",
        "false_positive_rate",
        "true_positives",
        "false_positives",
        "true_negatives",
        "false_negatives",
    ]
    thresholds = table["threshold"].to_pylist()
    assert thresholds == sorted(thresholds, reverse=True)
    assert 90 <= len(thresholds) <= 100
    assert (table["recall"][-1].as_py(), table["false_positive_rate"][-1].as_py()) == (1, 1)
    area = np.trapezoid([0, *table["recall"].to_pylist()], [0, *table["false_positive_rate"].to_pylist()])
    assert area == pytest.approx(ml.evaluate(model, rows)["roc_auc"][0].as_py(), abs=0.005)


def test_the_roc_curve_can_be_computed_for_given_thresholds(model, rows):
    table = ml.roc_curve(model, rows, [0.4, 0.2])

    assert table["threshold"].to_pylist() == [0.4, 0.2]
    assert table["recall"][0].as_py() == pytest.approx(ml.evaluate(model, rows, 0.4)["recall"][0].as_py())


def test_the_confusion_matrix_has_a_row_per_expected_and_a_column_per_predicted_label(model, rows):
    table = ml.confusion_matrix(model, rows, 0.3)
    predicted = ml.predict(model, rows, 0.3)

    assert table.column_names == ["expected_label", "_0", "_1"]
    expected = reference.confusion_matrix(predicted["bought"].to_numpy(), predicted["predicted_bought"].to_numpy())
    assert [[row["_0"], row["_1"]] for row in table.to_pylist()] == expected.tolist()
    assert table["expected_label"].to_pylist() == [0, 1]


def test_the_confusion_matrix_keeps_the_type_of_the_label_given(model, rows):
    real = rows.set_column(4, "bought", rows["bought"].cast(pa.float64()))

    assert ml.confusion_matrix(model, real)["expected_label"].type == pa.float64()


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("0", "1"), ["_0", "_1"]),
        (("false", "true"), ["false", "true"]),
        (("no way", "sí"), ["no_way", "s_"]),
        (("a b", "a-b"), ["a_b", "a_b_1"]),
        (("", "expected_label"), ["_", "expected_label_1"]),
    ],
)
def test_class_names_become_column_names(names, columns):
    assert prediction.class_columns(names) == columns


def test_evaluation_labels_must_be_labels_of_the_training(model, rows):
    with pytest.raises(ml.MLError, match=r"'bought' has the value 2; the model knows '0' and '1'"):
        ml.evaluate(model, rows.slice(0, 3).set_column(4, "bought", pa.array([0, 1, 2])))
    with pytest.raises(ml.MLError, match=r"has the value NULL"):
        ml.evaluate(model, rows.slice(0, 2).set_column(4, "bought", pa.array([0, None])))
    with pytest.raises(ml.MLError, match=r"Label column 'bought' is STRING, but the model was trained with INT64"):
        ml.evaluate(model, rows.slice(0, 2).set_column(4, "bought", pa.array(["0", "1"])))
    with pytest.raises(ml.MLError, match=r"Label column 'bought' is missing"):
        ml.evaluate(model, rows.drop_columns("bought"))
    with pytest.raises(ml.MLError, match=r"no rows to evaluate on"):
        ml.evaluate(model, rows.slice(0, 0))
