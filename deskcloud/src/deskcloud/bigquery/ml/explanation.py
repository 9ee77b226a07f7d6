"""Compute ML.EXPLAIN_PREDICT of a classifier, which returns each feature's contribution to each prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from deskcloud.bigquery.ml import prediction
from deskcloud.bigquery.ml.columns import Columns
from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.classifier import Classifier
    from deskcloud.bigquery.ml.encoding import Floats
    from deskcloud.bigquery.ml.supervised import Supervised


def explain_predict(model: Classifier, rows: pa.Table, top_k_features: int = 5, threshold: float = 0.5) -> pa.Table:
    """Return ML.EXPLAIN_PREDICT, with prediction, probability and attributions, followed by the columns of `rows`.

    `prediction_value` is the log odds of the predicted class. It is the sum of the baseline and all attributions. If
    the negative class is predicted, all these values have the opposite sign of those for the positive class. The
    attributions of linear models and of trees (TreeSHAP) are exact, so the approximation error is 0.
    """
    prediction.check_threshold(threshold)
    columns = Columns(rows)
    probabilities = model.estimator.predictions(columns)
    parts = model.estimator.contributions(columns)
    predicted_positive = probabilities >= threshold
    parts *= np.where(predicted_positive, 1.0, -1.0)[:, np.newaxis]
    added = {
        f"predicted_{model.label}": prediction.predicted_labels(model, probabilities, threshold),
        "probability": pa.array(np.where(predicted_positive, probabilities, 1 - probabilities)),
        "top_feature_attributions": top_attributions(model, parts[:, :-1], top_k_features),
        "baseline_prediction_value": pa.array(parts[:, -1]),
        "prediction_value": pa.array(parts.sum(axis=1)),
        "approximation_error": pa.array(np.zeros(columns.rows)),
    }
    return prediction.beside(pa.table(added), rows)


def top_attributions(model: Supervised, attributions: Floats, count: int) -> pa.Array:
    """Return the `count` features with the largest absolute attribution for each row, the largest first.

    Raises:
        MLError: `count`, which is TOP_K_FEATURES, is not an INT64 of at least 1.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise MLError(f"TOP_K_FEATURES must be an INT64 of at least 1; got {count!r}.")
    rows, features = attributions.shape
    count = min(count, features)
    order = np.argsort(-np.abs(attributions), axis=1, kind="stable")[:, :count]
    names = pa.array([feature.name for feature in model.features], pa.string()).take(pa.array(order.reshape(-1)))
    values = pa.array(np.take_along_axis(attributions, order, axis=1).reshape(-1))
    pairs = pa.StructArray.from_arrays([names, values], ["feature", "attribution"])
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * count, pa.int32()), pairs)
