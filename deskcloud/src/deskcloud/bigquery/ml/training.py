"""Train a model from the options and the rows of CREATE MODEL."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml import encoding, logistic, monitoring, split
from deskcloud.bigquery.ml import options as rules
from deskcloud.bigquery.ml.classifier import Classifier, Estimator, Evaluation
from deskcloud.bigquery.ml.columns import NUMERIC, Columns, Feature, as_strings, bigquery_type, with_strings_encoded
from deskcloud.bigquery.ml.encoding import Category, Floats, Input, Rows
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.journal import Journal, Progress
from deskcloud.bigquery.ml.model import FeatureStatistics, TrainedModel

Mask = npt.NDArray[np.bool_]

LABEL_TYPES = frozenset({"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "DATE"})


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
        from deskcloud.bigquery.ml import matrix_training  # noqa: PLC0415 - imports SciPy, which only this needs

        return matrix_training.train(rows, settings, progress)
    return _classifier(rows, settings, progress)


def _classifier(rows: pa.Table, settings: dict[str, Any], progress: Progress | None) -> Classifier:
    columns = Columns(rows)
    label = _label(columns, settings["input_label_cols"])
    classes = _classes(columns, label)
    positive: Mask = pc.equal(columns.values(label, "Label"), classes[1]).to_numpy()
    special = [label.name, settings["data_split_col"], settings.get("instance_weight_col")]
    features = encoding.choose_features(
        columns, [name for name in special if name], timestamps=settings["model_type"] == rules.LOGISTIC
    )

    evaluates = split.evaluation_rows(columns, settings)
    names = as_strings(pa.chunked_array([classes])).to_pylist()
    row_weights = _row_weights(columns, settings, names, positive, ~evaluates)
    training = _take(rows, ~evaluates, positive, row_weights)
    _check_training_rows(training.positive, label.name, names)
    held_out = _take(rows, evaluates, positive, row_weights) if evaluates.any() else None

    journal = Journal(settings["early_stop"], settings["min_rel_progress"], progress)
    estimator, probabilities = _learn(training, held_out, features, settings, journal)
    judged = held_out or training
    return Classifier(
        model_type=settings["model_type"],
        label=label.name,
        label_type=label.type,
        class_names=(names[0], names[1]),
        training_options=rules.training_options(settings),
        started_at=journal.started_at,
        training_rows=training.columns.rows,
        evaluation_rows=held_out.columns.rows if held_out else 0,
        iterations=journal.iterations,
        statistics=_statistics(training.columns, features, estimator.inputs),
        attributions=_attributions(estimator, judged.columns, settings),
        distributions=monitoring.of_training(training.columns, features),
        evaluation=Evaluation(judged.positive, probabilities),
        estimator=estimator,
    )


def _label(columns: Columns, name: str) -> Feature:
    for feature in columns.expanded:
        if feature.name.lower() != name.lower():
            continue
        if feature.type not in LABEL_TYPES:
            raise MLError(
                f"Label column {feature.name!r} is {feature.type}; a label must be {', '.join(sorted(LABEL_TYPES))}."
            )
        return feature
    raise MLError(
        f"Label column {name!r} is not in the query's result, which has: {columns.names}. "
        "Name the label with INPUT_LABEL_COLS=['...']."
    )


def _classes(columns: Columns, label: Feature) -> pa.Array:
    """Return the two label values in ascending order."""
    values = columns.values(label, "Label")
    if columns.rows == 0:
        raise MLError("The query returns no rows to train on.")
    if values.null_count:
        raise MLError(
            f"Label column {label.name!r} has {values.null_count} NULLs: leave them out with "
            f"WHERE {label.name} IS NOT NULL."
        )
    distinct = pc.unique(values)
    if label.type == "FLOAT64" and not pc.all(pc.is_finite(distinct)).as_py():
        raise MLError(f"Label column {label.name!r} has NaN or infinite values: leave them out.")
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
    return classes


def _row_weights(columns: Columns, settings: dict[str, Any], names: list[str], positive: Mask, trains: Mask) -> Floats:
    """Return each row's weight by CLASS_WEIGHTS, AUTO_CLASS_WEIGHTS or INSTANCE_WEIGHT_COL. The default is 1."""
    if settings.get("instance_weight_col"):
        return _instance_weights(columns, settings["instance_weight_col"])
    if settings["class_weights"]:
        if set(settings["class_weights"]) != set(names):
            raise MLError(
                f"Option CLASS_WEIGHTS must give a weight for every label, as STRING: {', '.join(map(repr, names))}; "
                f"got {', '.join(map(repr, settings['class_weights']))}."
            )
        of_class = [settings["class_weights"][name] for name in names]
    elif settings["auto_class_weights"]:
        counts = [np.count_nonzero(trains & ~positive), np.count_nonzero(trains & positive)]
        of_class = [np.count_nonzero(trains) / (count * 2) if count else 1.0 for count in counts]
    else:
        of_class = [1.0, 1.0]
    weights: Floats = np.where(positive, of_class[1], of_class[0])
    return weights


def _instance_weights(columns: Columns, name: str) -> Floats:
    if name not in columns:
        raise MLError(f"INSTANCE_WEIGHT_COL {name!r} is not in the query's result, which has: {columns.names}.")
    column = columns[name]
    if bigquery_type(column.type) not in NUMERIC:
        raise MLError(f"INSTANCE_WEIGHT_COL {name!r} is {bigquery_type(column.type)}; it must be a number.")
    weights: Floats = column.cast(pa.float64()).to_numpy()
    if not (weights >= 0).all():
        raise MLError(f"INSTANCE_WEIGHT_COL {name!r} has a NULL, NaN or negative value: give every row a weight.")
    return weights


def _take(rows: pa.Table, mask: Mask, positive: Mask, row_weights: Floats) -> Rows:
    # If no rows are held out, the rows need not be copied.
    chosen = rows if mask.all() else rows.filter(pa.array(mask))
    return Rows(Columns(chosen), positive[mask], row_weights[mask])


def _check_training_rows(positive: Mask, label: str, names: list[str]) -> None:
    if not len(positive):
        raise MLError("The data split leaves no row to train on: change DATA_SPLIT_METHOD or its column.")
    if positive.all() or not positive.any():
        raise MLError(
            f"After the data split every training row has {label}={names[int(positive[0])]}: a classifier needs rows "
            "of two classes. Give more rows, or change DATA_SPLIT_METHOD."
        )


def _learn(
    training: Rows, held_out: Rows | None, features: list[Feature], settings: dict[str, Any], journal: Journal
) -> tuple[Estimator, Floats]:
    """Train, and return the estimator and its probabilities for the evaluation rows.

    If no rows are held out, the probabilities are those of the training rows.
    """
    if settings["model_type"] == rules.LOGISTIC:
        inputs = logistic.fit_inputs(training.columns, features, settings)
        model = logistic.train(training, held_out, features, inputs, settings, journal)
        return model, model.probabilities((held_out or training).columns)
    from deskcloud.bigquery.ml import trees  # noqa: PLC0415 - XGBoost takes a second to import

    inputs = encoding.fit(training.columns, features)
    return trees.train(training, held_out, features, inputs, settings, journal)


def _statistics(columns: Columns, features: list[Feature], inputs: tuple[Input, ...]) -> list[FeatureStatistics]:
    """Return ML.FEATURE_INFO of each feature's first input, which is the column itself."""
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
