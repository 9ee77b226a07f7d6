"""Compute ML.PREDICT, ML.EVALUATE and ML.EXPLAIN_PREDICT of a regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml import metrics
from deskcloud.bigquery.ml.columns import Columns, Feature
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.explanation import top_attributions
from deskcloud.bigquery.ml.prediction import beside

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.regressor import Regressor


def predict(model: Regressor, rows: pa.Table) -> pa.Table:
    """Return ML.PREDICT: predicted_<label> as FLOAT64, then the input columns."""
    return beside(pa.table({f"predicted_{model.label}": model.estimator.predictions(Columns(rows))}), rows)


def evaluate(model: Regressor, rows: pa.Table | None = None) -> pa.Table:
    """Return ML.EVALUATE.

    Without `rows`, return the metrics of the held-out rows, or of the training rows if no rows were held out.
    """
    measured = model.measures if rows is None else _measures(model, Columns(rows))
    return pa.table({name: pa.array([value], pa.float64()) for name, value in measured.items()})


def _measures(model: Regressor, columns: Columns) -> dict[str, float]:
    labels = columns.numbers(Feature(model.label, model.label_type), "Label")
    if columns.rows == 0:
        raise MLError("There are no rows to evaluate on: check the table or query given.")
    if not pc.all(pc.fill_null(pc.is_finite(labels), fill_value=False)).as_py():
        raise MLError(f"Label column {model.label!r} has NULL, NaN or infinite values: leave such rows out.")
    return metrics.of_errors(labels.to_numpy(), model.estimator.predictions(columns))


def explain_predict(model: Regressor, rows: pa.Table, top_k_features: int = 5) -> pa.Table:
    """Return ML.EXPLAIN_PREDICT, with prediction and attributions, followed by the columns of `rows`.

    The prediction is the sum of the baseline and all attributions. With trees, this holds up to float32 rounding. The
    baseline is the intercept, or the trees' mean prediction. The attributions of linear models and of trees (TreeSHAP)
    are exact, so the approximation error is 0.
    """
    columns = Columns(rows)
    predictions, parts = model.estimator.predictions(columns), model.estimator.contributions(columns)
    added = {
        f"predicted_{model.label}": pa.array(predictions),
        "top_feature_attributions": top_attributions(model, parts[:, :-1], top_k_features),
        "baseline_prediction_value": pa.array(parts[:, -1]),
        "prediction_value": pa.array(predictions),
        "approximation_error": pa.array(np.zeros(columns.rows)),
    }
    return beside(pa.table(added), rows)
