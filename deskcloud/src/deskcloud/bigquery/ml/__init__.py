"""Train and use BigQuery ML models. Input and output are Arrow tables. This package uses neither SQL nor HTTP.

The function `train` returns a model, `TrainedModel.save` stores a model, and `load` reads a stored model. All other
functions use a model. Column names, types and meanings are the same as in BigQuery's ML functions. A model finds its
features and its label in a table by the names of the columns, ignoring case.
"""

from __future__ import annotations

import os

from deskcloud.bigquery.ml import recommendation, regression
from deskcloud.bigquery.ml.classifier import Classifier
from deskcloud.bigquery.ml.data_description import describe_data
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.explanation import explain_predict
from deskcloud.bigquery.ml.export import export
from deskcloud.bigquery.ml.factorization import Factorization
from deskcloud.bigquery.ml.inspection import (
    describe,
    feature_importance,
    feature_info,
    global_explain,
    training_info,
    weights,
)
from deskcloud.bigquery.ml.loading import load
from deskcloud.bigquery.ml.model import TrainedModel
from deskcloud.bigquery.ml.monitoring import validate_data_drift, validate_data_skew
from deskcloud.bigquery.ml.online import predict_instances
from deskcloud.bigquery.ml.prediction import (
    confusion_matrix,
    evaluate,
    predict,
    predict_columns,
    roc_curve,
)
from deskcloud.bigquery.ml.regressor import Regressor
from deskcloud.bigquery.ml.training import train

__all__ = [
    "Classifier",
    "Factorization",
    "MLError",
    "Regressor",
    "TrainedModel",
    "confusion_matrix",
    "describe",
    "describe_data",
    "evaluate",
    "explain_predict",
    "export",
    "feature_importance",
    "feature_info",
    "global_explain",
    "load",
    "predict",
    "predict_columns",
    "predict_instances",
    "recommendation",
    "regression",
    "roc_curve",
    "train",
    "training_info",
    "validate_data_drift",
    "validate_data_skew",
    "weights",
]

# By default, XGBoost's threads wait for each other by spinning. If other services use the same cores, spinning makes
# training tens of times slower. OpenMP reads this variable once, when XGBoost is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
