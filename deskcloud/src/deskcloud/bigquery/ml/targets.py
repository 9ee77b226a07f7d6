"""The targets that models learn to predict: one of two classes, or a number.

A target checks the labels, and computes the weights of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml import metrics
from deskcloud.bigquery.ml.classifier import Classifier, Evaluation
from deskcloud.bigquery.ml.columns import NUMERIC, Columns, Feature, as_strings, bigquery_type
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.regressor import Regressor

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.encoding import Floats, Labels, Mask
    from deskcloud.bigquery.ml.supervised import Supervised

CLASS_TYPES = NUMERIC | {"BOOL", "STRING", "DATE"}
"""The types that the label of a classifier may have."""


class Target(Protocol):
    """The target that a model learns to predict. `labels` are the labels of all rows."""

    labels: Labels

    def row_weights(self, columns: Columns, settings: dict[str, Any], trains: Mask) -> Floats:
        """Return each row's weight. `trains` is True for each training row."""

    def check_training(self, labels: Labels) -> None:
        """Check the labels of the training rows.

        Raises:
            MLError: no model can be trained on these labels.
        """

    def model(self, judged: Labels, predictions: Floats, **common: Any) -> Supervised:
        """Return the trained model.

        `judged` are the labels of the held-out rows, or of the training rows if no rows are held out. `predictions` are
        the predictions for the same rows, and `common` the other fields of the model.
        """


class BinaryTarget:
    """A target with two classes. `labels` is True for the rows of the positive class.

    The positive class is the label value that comes last in ascending order.
    """

    def __init__(self, columns: Columns, label: Feature) -> None:
        values = _values(columns, label, CLASS_TYPES)
        distinct = pc.unique(values)
        classes = distinct.take(pc.array_sort_indices(distinct))
        if len(classes) == 1:
            raise MLError(
                f"Label column {label.name!r} has one value only, {classes[0]}: a classifier needs rows of two classes."
            )
        if len(classes) > 2:
            raise MLError(
                f"Label column {label.name!r} has {len(classes)} values; multiclass models are not supported here: "
                "train on a label of two values."
            )
        self._label = label
        self._names: list[str] = as_strings(pa.chunked_array([classes])).to_pylist()
        self.labels: Mask = pc.equal(values, classes[1]).to_numpy()

    def row_weights(self, columns: Columns, settings: dict[str, Any], trains: Mask) -> Floats:
        """Return each row's weight by CLASS_WEIGHTS, AUTO_CLASS_WEIGHTS or INSTANCE_WEIGHT_COL. The default is 1."""
        if settings["class_weights"]:
            if set(settings["class_weights"]) != set(self._names):
                raise MLError(
                    "Option CLASS_WEIGHTS must give a weight for every label, as STRING: "
                    f"{', '.join(map(repr, self._names))}; got {', '.join(map(repr, settings['class_weights']))}."
                )
            of_class = [settings["class_weights"][name] for name in self._names]
        elif settings["auto_class_weights"]:
            counts = [np.count_nonzero(trains & ~self.labels), np.count_nonzero(trains & self.labels)]
            of_class = [np.count_nonzero(trains) / (count * 2) if count else 1.0 for count in counts]
        else:
            return _instance_weights(columns, settings)
        weights: Floats = np.where(self.labels, of_class[1], of_class[0])
        return weights

    def check_training(self, labels: Labels) -> None:
        """Check that both classes are in the training rows."""
        _check_any(labels)
        if labels.all() or not labels.any():
            raise MLError(
                f"After the data split every training row has {self._label.name}={self._names[int(labels[0])]}: "
                "a classifier needs rows of two classes. Give more rows, or change DATA_SPLIT_METHOD."
            )

    def model(self, judged: Labels, predictions: Floats, **common: Any) -> Classifier:
        """Return the trained classifier, evaluated on the labels `judged` and their `predictions`."""
        names = (self._names[0], self._names[1])
        return Classifier(**common, class_names=names, evaluation=Evaluation(judged, predictions))


class NumericTarget:
    """A target that is a number."""

    def __init__(self, columns: Columns, label: Feature) -> None:
        _values(columns, label, NUMERIC)
        self.labels: Floats = columns.numbers(label, "Label").to_numpy()

    def row_weights(self, columns: Columns, settings: dict[str, Any], trains: Mask) -> Floats:
        """Return each row's weight by INSTANCE_WEIGHT_COL. The default is 1."""
        del trains
        return _instance_weights(columns, settings)

    def check_training(self, labels: Labels) -> None:
        """Check that there is a training row."""
        _check_any(labels)

    def model(self, judged: Labels, predictions: Floats, **common: Any) -> Regressor:
        """Return the trained regressor, evaluated on the labels `judged` and their `predictions`."""
        return Regressor(**common, measures=metrics.of_errors(judged, predictions))


def _values(columns: Columns, label: Feature, types: frozenset[str]) -> pa.ChunkedArray:
    if label.type not in types:
        raise MLError(f"Label column {label.name!r} is {label.type}; a label must be {', '.join(sorted(types))}.")
    values = columns.values(label, "Label")
    if columns.rows == 0:
        raise MLError("The query returns no rows to train on.")
    if values.null_count:
        raise MLError(
            f"Label column {label.name!r} has {values.null_count} NULLs: leave them out with "
            f"WHERE {label.name} IS NOT NULL."
        )
    if label.type == "FLOAT64" and not pc.all(pc.is_finite(values)).as_py():
        raise MLError(f"Label column {label.name!r} has NaN or infinite values: leave them out.")
    return values


def _instance_weights(columns: Columns, settings: dict[str, Any]) -> Floats:
    name = settings.get("instance_weight_col")
    if name is None:
        return np.ones(columns.rows)
    if name not in columns:
        raise MLError(f"INSTANCE_WEIGHT_COL {name!r} is not in the query's result, which has: {columns.names}.")
    column = columns[name]
    if bigquery_type(column.type) not in NUMERIC:
        raise MLError(f"INSTANCE_WEIGHT_COL {name!r} is {bigquery_type(column.type)}; it must be a number.")
    weights: Floats = column.cast(pa.float64()).to_numpy()
    if not (weights >= 0).all():
        raise MLError(f"INSTANCE_WEIGHT_COL {name!r} has a NULL, NaN or negative value: give every row a weight.")
    return weights


def _check_any(labels: Labels) -> None:
    if not len(labels):
        raise MLError("The data split leaves no row to train on: change DATA_SPLIT_METHOD or its column.")
