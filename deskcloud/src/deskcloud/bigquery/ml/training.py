"""Train a model from the options and the rows of CREATE MODEL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from deskcloud.bigquery.ml import encoding, linear, monitoring, split
from deskcloud.bigquery.ml import options as rules
from deskcloud.bigquery.ml.columns import Columns, Feature, with_strings_encoded
from deskcloud.bigquery.ml.encoding import Category, Floats, Input, Rows
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.journal import Journal, Progress
from deskcloud.bigquery.ml.model import FeatureStatistics, TrainedModel
from deskcloud.bigquery.ml.targets import BinaryTarget, NumericTarget

if TYPE_CHECKING:
    import numpy.typing as npt

    from deskcloud.bigquery.ml.encoding import Labels, Mask
    from deskcloud.bigquery.ml.supervised import Estimator, Supervised
    from deskcloud.bigquery.ml.targets import Target


def train(options: dict[str, object], rows: pa.Table, *, progress: Progress | None = None) -> TrainedModel:
    """Train a model as CREATE MODEL does. `rows` is the result of the statement's query.

    `options` has lower-case names and Python values: `[STRUCT('0', 0.1)]` is `[("0", 0.1)]`. The caller must remove the
    options that it handles itself, such as the options of the registry. `progress(iteration, loss, eval_loss)` is
    called after each iteration.

    Raises:
        MLError: an option is unknown or unsupported, or the rows cannot train this model.
    """
    settings = rules.parse(options)
    rows = split.in_order(with_strings_encoded(rows))
    if settings["model_type"] == rules.FACTORIZATION:
        from deskcloud.bigquery.ml import matrix_training  # noqa: PLC0415 - it imports SciPy, which few models need

        return matrix_training.train(rows, settings, progress)
    return _supervised(rows, settings, progress)


def _supervised(rows: pa.Table, settings: dict[str, Any], progress: Progress | None) -> Supervised:
    columns = Columns(rows)
    label = _label(columns, settings["input_label_cols"])
    target: Target = (NumericTarget if settings["model_type"] in rules.REGRESSORS else BinaryTarget)(columns, label)
    special = [label.name, settings["data_split_col"], settings.get("instance_weight_col")]
    features = encoding.choose_features(
        columns, [name for name in special if name], timestamps=settings["model_type"] in rules.LINEAR_MODELS
    )

    evaluates = split.evaluation_rows(columns, settings)
    row_weights = target.row_weights(columns, settings, ~evaluates)
    training = _take(rows, ~evaluates, target.labels, row_weights)
    target.check_training(training.labels)
    held_out = _take(rows, evaluates, target.labels, row_weights) if evaluates.any() else None

    journal = Journal(settings["early_stop"], settings["min_rel_progress"], progress)
    estimator, predictions = _learn(training, held_out, features, settings, journal)
    judged = held_out or training
    return target.model(
        judged.labels,
        predictions,
        model_type=settings["model_type"],
        label=label.name,
        label_type=label.type,
        training_options=rules.training_options(settings),
        started_at=journal.started_at,
        training_rows=training.columns.rows,
        evaluation_rows=held_out.columns.rows if held_out else 0,
        iterations=journal.iterations,
        statistics=_statistics(training.columns, features, estimator.inputs),
        attributions=_attributions(estimator, judged.columns, settings),
        distributions=monitoring.of_training(training.columns, features),
        estimator=estimator,
    )


def _label(columns: Columns, name: str) -> Feature:
    for feature in columns.expanded:
        if feature.name.lower() == name.lower():
            return feature
    raise MLError(
        f"Label column {name!r} is not in the query's result, which has: {columns.names}. "
        "Name the label with INPUT_LABEL_COLS=['...']."
    )


def _take(rows: pa.Table, mask: Mask, labels: Labels, row_weights: Floats) -> Rows:
    # If all rows are taken, they need not be copied.
    chosen = rows if mask.all() else rows.filter(pa.array(mask))
    return Rows(Columns(chosen), labels[mask], row_weights[mask])


def _learn(
    training: Rows, held_out: Rows | None, features: list[Feature], settings: dict[str, Any], journal: Journal
) -> tuple[Estimator, Floats]:
    """Train, and return the estimator and its predictions for the evaluation rows.

    If no rows are held out, the predictions are for the training rows.
    """
    if settings["model_type"] in rules.LINEAR_MODELS:
        model = linear.train(training, held_out, features, settings, journal)
        return model, model.predictions((held_out or training).columns)
    from deskcloud.bigquery.ml import trees  # noqa: PLC0415 - XGBoost takes a second to import

    return trees.train(training, held_out, features, settings, journal)


def _statistics(columns: Columns, features: list[Feature], inputs: tuple[Input, ...]) -> list[FeatureStatistics]:
    """Return the rows of ML.FEATURE_INFO, one per feature.

    If a feature has several inputs, the row describes the first input, which is the column itself.
    """
    found: dict[int, FeatureStatistics] = {}
    for input_, column in encoding.columns_of(columns, features, inputs):
        if input_.feature not in found:
            found[input_.feature] = _statistics_of(input_, column)
    return [found[position] for position in range(len(features))]


def _statistics_of(input_: Input, column: pa.ChunkedArray) -> FeatureStatistics:
    if isinstance(input_, Category):
        categories = len(input_.vocabulary)
        return FeatureStatistics(input_.name, None, None, None, None, None, categories, column.null_count)
    known = column.drop_null().to_numpy()
    if not len(known):
        return FeatureStatistics(input_.name, None, None, None, None, None, None, column.null_count)
    low, high = float(known.min()), float(known.max())
    return FeatureStatistics(
        input_.name, low, high, input_.mean, _median(known), input_.stddev, None, column.null_count
    )


def _median(values: npt.NDArray[Any]) -> float:
    """Return the median. NumPy takes six times as long, because it checks for NaN, which features cannot have."""
    middle = len(values) // 2
    halves = np.partition(values, middle)
    upper = float(halves[middle])
    return upper if len(values) % 2 else (float(halves[:middle].max()) + upper) / 2


def _attributions(estimator: Estimator, columns: Columns, settings: dict[str, Any]) -> list[float] | None:
    if not settings["enable_global_explain"]:
        return None
    parts = estimator.contributions(columns, approximate=settings.get("approx_global_feature_contrib", False))
    means: list[float] = np.abs(parts[:, :-1]).mean(axis=0).tolist()
    return means
