"""Compute ML.PREDICT and the functions that evaluate predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml import metrics
from deskcloud.bigquery.ml.classifier import Classifier, Evaluation
from deskcloud.bigquery.ml.columns import Columns, Feature
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.metrics import Confusion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deskcloud.bigquery.ml.encoding import Floats


def predict(model: Classifier, rows: pa.Table, threshold: float = 0.5) -> pa.Table:
    """Return ML.PREDICT: predicted_<label>, predicted_<label>_probs (positive class first), then the input columns."""
    return beside(predict_columns(model, rows, threshold), rows)


def predict_columns(model: Classifier, rows: pa.Table, threshold: float = 0.5) -> pa.Table:
    """Return only the two columns that ML.PREDICT adds."""
    check_threshold(threshold)
    probabilities = model.estimator.predictions(Columns(rows))
    predicted = predicted_labels(model, probabilities, threshold)
    name = f"predicted_{model.label}"
    return pa.table({name: predicted, f"{name}_probs": _class_probabilities(model, probabilities)})


def beside(added: pa.Table, rows: pa.Table) -> pa.Table:
    """Return the columns of `added`, then the columns of `rows`.

    Raises:
        MLError: a column of `rows` has the name of an added column.
    """
    given = Columns(rows)
    for name in added.column_names:
        if name in given:
            raise MLError(f"The input has a column {name!r}, which the function adds: leave it out or alias it.")
    columns, names = [*added.columns, *rows.columns], [*added.column_names, *rows.column_names]
    return pa.table(columns, names=names)


def predicted_labels(model: Classifier, probabilities: Floats, threshold: float) -> pa.Array:
    """Return the predicted labels. The positive class is predicted if its probability is at least the threshold."""
    return model.class_array.take(pa.array((probabilities >= threshold).astype(np.int8)))


def _class_probabilities(model: Classifier, probabilities: Floats) -> pa.Array:
    """Return ARRAY<STRUCT<label, prob>> for each row, with the positive class first."""
    rows = len(probabilities)
    both = np.empty((rows, 2))
    both[:, 0] = probabilities
    both[:, 1] = 1 - probabilities
    labels = model.class_array.take(pa.array(np.tile(np.array([1, 0], np.int8), rows)))
    pairs = pa.StructArray.from_arrays([labels, pa.array(both.reshape(-1))], ["label", "prob"])
    return pa.ListArray.from_arrays(pa.array(np.arange(0, 2 * rows + 1, 2, dtype=np.int32)), pairs)


def evaluate(model: Classifier, rows: pa.Table | None = None, threshold: float = 0.5) -> pa.Table:
    """Return ML.EVALUATE.

    Without `rows`, evaluate on the held-out rows, or on the training rows if no rows were held out.
    """
    judged = _judged(model, rows, threshold)
    confusion = Confusion.at(threshold, judged.positive, judged.probabilities)
    measures = {
        "precision": confusion.precision,
        "recall": confusion.recall,
        "accuracy": confusion.accuracy,
        "f1_score": confusion.f1_score,
        "log_loss": metrics.log_loss(judged.positive, judged.probabilities),
        "roc_auc": metrics.roc_auc(judged.positive, judged.probabilities),
    }
    return pa.table({name: pa.array([value], pa.float64()) for name, value in measures.items()})


def roc_curve(model: Classifier, rows: pa.Table | None = None, thresholds: Sequence[float] | None = None) -> pa.Table:
    """Return ML.ROC_CURVE. By default, the thresholds are 100 percentiles of the predictions, the highest first."""
    for threshold in thresholds or ():
        check_threshold(threshold)
    judged = _judged(model, rows)
    at = list(thresholds) if thresholds is not None else metrics.percentiles(judged.probabilities)
    counted = metrics.confusions(at, judged.positive, judged.probabilities)
    floats = {
        "threshold": at,
        "recall": [each.recall for each in counted],
        "false_positive_rate": [each.false_positive_rate for each in counted],
    }
    counts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    return pa.table(
        {name: pa.array(values, pa.float64()) for name, values in floats.items()}
        | {name: pa.array([getattr(each, name) for each in counted], pa.int64()) for name in counts}
    )


def confusion_matrix(model: Classifier, rows: pa.Table | None = None, threshold: float = 0.5) -> pa.Table:
    """Return ML.CONFUSION_MATRIX, with a row per expected label and a column per predicted label, in ascending order.

    `expected_label` has the type of the label column in `rows`.
    """
    judged = _judged(model, rows, threshold)
    counted = Confusion.at(threshold, judged.positive, judged.probabilities)
    expected = model.class_array
    if rows is not None:
        expected = expected.cast(Columns(rows)[model.label].type)
    columns = [
        pa.array([counted.true_negatives, counted.false_negatives], pa.int64()),
        pa.array([counted.false_positives, counted.true_positives], pa.int64()),
    ]
    return pa.table([expected, *columns], names=["expected_label", *class_columns(model.class_names)])


def class_columns(names: Sequence[str]) -> list[str]:
    """Convert class names into column names.

    Invalid characters become `_`. A name that begins with a digit gets the prefix `_`, and a name that is already taken
    gets the suffix `_1`.
    """
    columns: list[str] = []
    for name in names:
        column = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
        if not column or column[0].isdigit():
            column = f"_{column}"
        while column.lower() in [taken.lower() for taken in ["expected_label", *columns]]:
            column += "_1"
        columns.append(column)
    return columns


def check_threshold(threshold: float) -> None:
    """Check a threshold.

    Raises:
        MLError: the threshold is not a number from 0 to 1.
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise MLError(f"The threshold must be a FLOAT64 from 0 to 1; got {threshold!r}.")


def _judged(model: Classifier, rows: pa.Table | None, threshold: float = 0.5) -> Evaluation:
    """Return the labels of `rows` and the predictions for `rows`. Without `rows`, return the training's evaluation."""
    check_threshold(threshold)
    if rows is None:
        if threshold != 0.5:
            raise MLError("A threshold can be given only together with a table or query to evaluate on.")
        return model.evaluation
    columns = Columns(rows)
    labels = columns.values(Feature(model.label, model.label_type), "Label")
    if columns.rows == 0:
        raise MLError("There are no rows to evaluate on: check the table or query given.")
    known = pc.is_in(labels, value_set=model.class_array)
    if not pc.all(known, min_count=0).as_py():
        stranger = labels.filter(pc.invert(known))[0].as_py()
        raise MLError(
            f"Label column {model.label!r} has the value {'NULL' if stranger is None else repr(stranger)}; the model "
            f"knows {' and '.join(map(repr, model.class_names))}: leave such rows out."
        )
    positive = pc.equal(labels, model.class_array[1]).to_numpy()
    return Evaluation(positive, model.estimator.predictions(columns))
