"""BigQuery ML's learning: Arrow tables in, Arrow tables out; it knows neither SQL nor HTTP.

A model is trained by `train`, kept by `TrainedModel.save` and read by every other function here. Column names,
types and meanings are those of BigQuery's ML functions. Features and labels are found by name, whatever the case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pyarrow as pa


class MLError(Exception):
    """A request that BigQuery ML would refuse; the message names the input, the rule and the remedy."""

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason


class TrainedModel:
    """A trained model.

    model_type: the API's enum, LOGISTIC_REGRESSION or BOOSTED_TREE_CLASSIFIER
    label, label_type: name and BigQuery type ("INT64", "BOOL", ...) of the label column
    classes: the two label values in ascending order, as Python values; the last is the positive class
    features: input columns in query order, each with .name and .type (BigQuery's type)
    training_options: the API's trainingOptions
    """

    model_type: str
    label: str
    label_type: str
    classes: list[Any]
    features: list[Any]
    training_options: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the model as JSON, npz and ubj files into `folder` (made when absent)."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> TrainedModel:
        """Read what `save` wrote."""
        raise NotImplementedError


def train(
    options: dict[str, object],
    rows: pa.Table,
    *,
    progress: Callable[[int, float, float | None], None] | None = None,
) -> TrainedModel:
    """Train as CREATE MODEL does on `rows`, the result of its query.

    `options` has lower-case names and evaluated values; `[STRUCT('0', 0.1)]` comes as `[("0", 0.1)]`. An option that is
    unknown or unsupported raises MLError, so take out the ones that others act on (the registry's, for example).
    `progress(iteration, loss, eval_loss)` is called after each iteration.
    """
    raise NotImplementedError


def predict(model: TrainedModel, rows: pa.Table, threshold: float = 0.5) -> pa.Table:
    """ML.PREDICT: all columns of `rows`, then predicted_<label> and predicted_<label>_probs, positive class first."""
    raise NotImplementedError


def predict_columns(model: TrainedModel, rows: pa.Table, threshold: float = 0.5) -> pa.Table:
    """Only the two columns that ML.PREDICT adds."""
    raise NotImplementedError


def evaluate(model: TrainedModel, rows: pa.Table | None = None, threshold: float = 0.5) -> pa.Table:
    """ML.EVALUATE; without rows, on the evaluation split of the training."""
    raise NotImplementedError


def roc_curve(
    model: TrainedModel, rows: pa.Table | None = None, thresholds: Sequence[float] | None = None
) -> pa.Table:
    """ML.ROC_CURVE; by default at 100 percentiles of the predictions."""
    raise NotImplementedError


def confusion_matrix(model: TrainedModel, rows: pa.Table | None = None, threshold: float = 0.5) -> pa.Table:
    """ML.CONFUSION_MATRIX."""
    raise NotImplementedError


def weights(model: TrainedModel, standardize: bool = False) -> pa.Table:
    """ML.WEIGHTS, logistic regression only."""
    raise NotImplementedError


def training_info(model: TrainedModel) -> pa.Table:
    """ML.TRAINING_INFO."""
    raise NotImplementedError


def feature_info(model: TrainedModel) -> pa.Table:
    """ML.FEATURE_INFO."""
    raise NotImplementedError


def feature_importance(model: TrainedModel) -> pa.Table:
    """ML.FEATURE_IMPORTANCE, boosted trees only."""
    raise NotImplementedError


def global_explain(model: TrainedModel, class_level_explain: bool = False) -> pa.Table:
    """ML.GLOBAL_EXPLAIN, for models trained with ENABLE_GLOBAL_EXPLAIN."""
    raise NotImplementedError


def explain_predict(
    model: TrainedModel, rows: pa.Table, top_k_features: int = 5, threshold: float = 0.5
) -> pa.Table:
    """ML.EXPLAIN_PREDICT: all columns of `rows`, then prediction, probability and attributions."""
    raise NotImplementedError


def export(model: TrainedModel, folder: Path) -> list[Path]:
    """EXPORT MODEL into `folder`; returns the files written."""
    raise NotImplementedError


def predict_instances(model: TrainedModel, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Vertex AI's predictions for instances that are JSON objects keyed by training column.

    Each answer is {"<label>_values": [str, str], "<label>_probs": [float, float], "predicted_<label>": [str]}.
    """
    raise NotImplementedError


def describe(model: TrainedModel) -> dict[str, Any]:
    """The learning's part of the REST resource: modelType, featureColumns, labelColumns, trainingRuns (one run).

    The run has trainingOptions, results (iterations), evaluationMetrics, startTime; the rest (modelReference, etag,
    times, labels, location, dataSplitResult's tables) is the caller's.
    """
    raise NotImplementedError
