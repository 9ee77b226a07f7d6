"""Compute the ML functions that describe a model and take no rows. Build the fields of a model's REST resource."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from deskcloud.bigquery.ml.classifier import Classifier
from deskcloud.bigquery.ml.encoding import NULL_CATEGORY, UNSEEN, Numeric
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.linear import Linear
from deskcloud.bigquery.ml.metrics import Confusion, confusions, log_loss, percentiles, roc_auc
from deskcloud.bigquery.ml.supervised import Supervised

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.classifier import Evaluation
    from deskcloud.bigquery.ml.factorization import Factorization
    from deskcloud.bigquery.ml.model import TrainedModel
    from deskcloud.bigquery.ml.regressor import Regressor
    from deskcloud.bigquery.ml.trees import Trees

_WEIGHTS = pa.schema(
    {
        "processed_input": pa.string(),
        "weight": pa.float64(),
        "category_weights": pa.list_(pa.struct({"category": pa.string(), "weight": pa.float64()})),
    }
)


def weights(model: Supervised, standardize: bool = False) -> pa.Table:
    """Return ML.WEIGHTS of a linear model: one row per input, then `__INTERCEPT__`.

    NULL is a category only for inputs with NULLs in the training rows. An unseen category has the weight 0. If
    `standardize`, the weights apply to standardised numbers.
    """
    learned = model.estimator
    if not isinstance(learned, Linear):
        raise MLError(f"ML.WEIGHTS is not supported for {model.model_type}: use ML.FEATURE_IMPORTANCE.")
    intercept, values = (learned.intercept, learned.weights) if standardize else learned.raw_weights()
    rows: list[dict[str, Any]] = []
    for input_, weight in zip(learned.inputs, values, strict=True):
        row: dict[str, Any] = {"processed_input": input_.name, "weight": None, "category_weights": []}
        if isinstance(input_, Numeric):
            row["weight"] = float(weight[0])
        else:
            of_category = weight[UNSEEN + 1 :].tolist()
            names = [*input_.vocabulary, *([NULL_CATEGORY] if input_.null_count else [])]
            row["category_weights"] = [
                {"category": name, "weight": value} for name, value in zip(names, of_category, strict=False)
            ]
        rows.append(row)
    rows.append({"processed_input": "__INTERCEPT__", "weight": intercept, "category_weights": []})
    return pa.Table.from_pylist(rows, _WEIGHTS)


def training_info(model: TrainedModel) -> pa.Table:
    """Return ML.TRAINING_INFO. As in BigQuery, the last iteration comes first."""
    rows = [
        {
            "training_run": 0,
            "iteration": iteration.index,
            "loss": iteration.loss,
            "eval_loss": iteration.eval_loss,
            "learning_rate": iteration.learning_rate,
            "duration_ms": iteration.duration_ms,
        }
        for iteration in reversed(model.iterations)
    ]
    whole, real = pa.int64(), pa.float64()
    names = ["training_run", "iteration", "loss", "eval_loss", "learning_rate", "duration_ms"]
    types = [whole, whole, real, real, real, whole]
    return pa.Table.from_pylist(rows, pa.schema(list(zip(names, types, strict=True))))


def feature_info(model: TrainedModel) -> pa.Table:
    """Return ML.FEATURE_INFO, with statistics of the training rows."""
    rows = [asdict(statistics) | {"dimension": None} for statistics in model.statistics]
    reals = dict.fromkeys(["min", "max", "mean", "median", "stddev"], pa.float64())
    wholes = dict.fromkeys(["category_count", "null_count", "dimension"], pa.int64())
    return pa.Table.from_pylist(rows, pa.schema({"input": pa.string()} | reals | wholes))


def feature_importance(model: Supervised) -> pa.Table:
    """Return ML.FEATURE_IMPORTANCE of boosted trees: the number, mean gain and mean cover of each feature's splits."""
    if isinstance(model.estimator, Linear):
        raise MLError(f"ML.FEATURE_IMPORTANCE is not supported for {model.model_type}: use ML.WEIGHTS.")
    found = cast("Trees", model.estimator).importance()
    columns = dict(zip(("weight", "gain", "cover"), zip(*found, strict=True), strict=True))
    return pa.table(
        {"feature": [feature.name for feature in model.features]}
        | {f"importance_{kind}": pa.array(values, pa.float64()) for kind, values in columns.items()}
    )


def global_explain(model: Supervised, class_level_explain: bool = False) -> pa.Table:
    """Return ML.GLOBAL_EXPLAIN, with mean absolute attributions, the highest first.

    The model must have been trained with ENABLE_GLOBAL_EXPLAIN. If `class_level_explain`, return the top ten features
    of each class of a classifier. The attributions of its two classes differ only in sign, so the mean absolute
    attributions are equal.
    """
    ranked = _ranked_attributions(model)
    schema = {"feature": pa.string(), "attribution": pa.float64()}
    if not (class_level_explain and isinstance(model, Classifier)):
        rows = [{"feature": name, "attribution": value} for name, value in ranked]
        return pa.Table.from_pylist(rows, pa.schema(schema))
    rows = [
        {"class_name": class_name, "feature": name, "attribution": value}
        for class_name in model.class_names
        for name, value in ranked[:10]
    ]
    return pa.Table.from_pylist(rows, pa.schema({"class_name": pa.string()} | schema))


def _ranked_attributions(model: Supervised) -> list[tuple[str, float]]:
    if model.attributions is None:
        raise MLError("ML.GLOBAL_EXPLAIN needs a model trained with ENABLE_GLOBAL_EXPLAIN=TRUE: train one with it.")
    pairs = [(feature.name, value) for feature, value in zip(model.features, model.attributions, strict=True)]
    return sorted(pairs, key=lambda pair: -pair[1])


def describe(model: TrainedModel) -> dict[str, Any]:
    """Return modelType, featureColumns, labelColumns and trainingRuns of the REST resource.

    The only training run has trainingOptions, startTime, results and evaluationMetrics. With global explanations, it
    also has modelLevelGlobalExplanation.

    The gateway adds modelReference, etag, location, labels, and the times of creation, change and expiration. The local
    BigQuery has no dataSplitResult. INT64 values are strings. NaN metrics are left out, because JSON has no NaN.
    """
    run: dict[str, Any] = {
        "trainingOptions": model.training_options,
        "startTime": model.started_at,
        "results": [
            {
                "index": iteration.index,
                "durationMs": str(iteration.duration_ms),
                "trainingLoss": iteration.loss,
            }
            | ({} if iteration.learning_rate is None else {"learnRate": iteration.learning_rate})
            | ({} if iteration.eval_loss is None else {"evalLoss": iteration.eval_loss})
            for iteration in model.iterations
        ],
        "evaluationMetrics": _evaluation_metrics(model),
    }
    if isinstance(model, Supervised) and model.attributions is not None:
        run["modelLevelGlobalExplanation"] = {
            "explanations": [{"featureName": name, "attribution": value} for name, value in _ranked_attributions(model)]
        }
    return {
        "modelType": model.model_type,
        "featureColumns": [_standard_field(feature.name, feature.type) for feature in model.features],
        "labelColumns": [_standard_field(model.label, model.label_type)],
        "trainingRuns": [run],
    }


def _standard_field(name: str, type_: str) -> dict[str, Any]:
    return {"name": name, "type": {"typeKind": type_}}


def _evaluation_metrics(model: TrainedModel) -> dict[str, Any]:
    if isinstance(model, Classifier):
        return {"binaryClassificationMetrics": _binary_metrics(model)}
    learned = cast("Factorization | Regressor", model)
    measures = {_API_NAMES[name]: value for name, value in learned.measures.items() if name in _API_NAMES}
    ranks = "mean_average_precision" in learned.measures
    return {"rankingMetrics" if ranks else "regressionMetrics": _without_nan(measures)}


# Names of metrics in the REST API. The API has no field for explained_variance.
_API_NAMES = {
    "mean_absolute_error": "meanAbsoluteError",
    "mean_squared_error": "meanSquaredError",
    "mean_squared_log_error": "meanSquaredLogError",
    "median_absolute_error": "medianAbsoluteError",
    "r2_score": "rSquared",
    "mean_average_precision": "meanAveragePrecision",
    "normalized_discounted_cumulative_gain": "normalizedDiscountedCumulativeGain",
    "average_rank": "averageRank",
}


def _binary_metrics(model: Classifier) -> dict[str, Any]:
    judged: Evaluation = model.evaluation
    at_half = Confusion.at(0.5, judged.positive, judged.probabilities)
    aggregate = _rates(at_half) | {
        "threshold": 0.5,
        "logLoss": log_loss(judged.positive, judged.probabilities),
        "rocAuc": roc_auc(judged.positive, judged.probabilities),
    }
    thresholds = percentiles(judged.probabilities)
    listed = [
        {
            "positiveClassThreshold": threshold,
            "truePositives": str(counted.true_positives),
            "falsePositives": str(counted.false_positives),
            "trueNegatives": str(counted.true_negatives),
            "falseNegatives": str(counted.false_negatives),
        }
        | _without_nan(_rates(counted))
        for threshold, counted in zip(
            thresholds, confusions(thresholds, judged.positive, judged.probabilities), strict=True
        )
    ]
    return {
        "aggregateClassificationMetrics": _without_nan(aggregate),
        "binaryConfusionMatrixList": listed,
        "positiveLabel": model.class_names[1],
        "negativeLabel": model.class_names[0],
    }


def _rates(counted: Confusion) -> dict[str, float]:
    return {
        "precision": counted.precision,
        "recall": counted.recall,
        "accuracy": counted.accuracy,
        "f1Score": counted.f1_score,
    }


def _without_nan(measures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in measures.items() if value == value}  # noqa: PLR0124 - NaN is not equal to itself
