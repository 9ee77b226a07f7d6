"""A trained model and its folder: model.json, evaluation.npz, and the booster or the weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from local.bigquery.ml.columns import ARROW, Columns, Feature
from local.bigquery.ml.encoding import Category, Floats, Input, Numeric
from local.bigquery.ml.journal import Iteration
from local.bigquery.ml.logistic import Logistic
from local.bigquery.ml.options import LOGISTIC

if TYPE_CHECKING:
    from pathlib import Path


class Estimator(Protocol):
    """What was learned: `logistic.Logistic` or `trees.Trees`."""

    @property
    def features(self) -> list[Feature]:
        """Input columns in the query's order."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the features are turned into."""

    def probabilities(self, columns: Columns) -> Floats:
        """The probability of the positive class."""

    def contributions(self, columns: Columns, *, approximate: bool = False) -> Floats:
        """Each feature's part of the log odds; the last column is the baseline."""

    def save(self, folder: Path) -> None:
        """Write what was learned."""


@dataclass(frozen=True)
class FeatureStatistics:
    """One row of ML.FEATURE_INFO, over the training rows; the numbers are None for a category and the reverse."""

    input: str
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    stddev: float | None
    category_count: int | None
    null_count: int


@dataclass(frozen=True)
class Evaluation:
    """Labels and predictions of the held-out rows, or of the training rows when none were held out."""

    positive: npt.NDArray[np.bool_]
    probabilities: Floats


@dataclass(frozen=True)
class TrainedModel:
    """A trained model.

    model_type: the API's enum, LOGISTIC_REGRESSION or BOOSTED_TREE_CLASSIFIER
    label, label_type: name and BigQuery type ("INT64", "BOOL", ...) of the label column
    class_names: the two label values cast to STRING, in the ascending order of the values; the last is the positive
    training_options: the API's trainingOptions
    started_at: when training began, ISO 8601 in UTC
    training_rows, evaluation_rows: how the rows were split
    attributions: ML.GLOBAL_EXPLAIN's, one for each feature; None without ENABLE_GLOBAL_EXPLAIN
    """

    model_type: str
    label: str
    label_type: str
    class_names: tuple[str, str]
    training_options: dict[str, Any]
    started_at: str
    training_rows: int
    evaluation_rows: int
    iterations: list[Iteration]
    statistics: list[FeatureStatistics]
    attributions: list[float] | None
    evaluation: Evaluation
    estimator: Estimator

    @property
    def features(self) -> list[Feature]:
        """Input columns in the query's order, each with .name and .type (BigQuery's type)."""
        return self.estimator.features

    @cached_property
    def class_array(self) -> pa.Array:
        """The two label values in ascending order, in the label's own type."""
        return pa.array(self.class_names, pa.string()).cast(ARROW[self.label_type])

    @property
    def classes(self) -> list[Any]:
        """The two label values in ascending order as Python values; the last is the positive class."""
        values: list[Any] = self.class_array.to_pylist()
        return values

    def save(self, folder: Path) -> None:
        """Write the model into `folder` (made when absent)."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in vars(self).items() if name in _PLAIN}
        kept |= {
            "iterations": [asdict(iteration) for iteration in self.iterations],
            "statistics": [asdict(statistics) for statistics in self.statistics],
            "features": [asdict(feature) for feature in self.features],
            "inputs": [asdict(input_) for input_ in self.estimator.inputs],
        }
        (folder / "model.json").write_text(json.dumps(kept, indent=1))
        np.savez(folder / "evaluation.npz", **vars(self.evaluation))
        self.estimator.save(folder)

    @classmethod
    def load(cls, folder: Path) -> TrainedModel:
        """Read what `save` wrote."""
        kept = json.loads((folder / "model.json").read_text())
        features = [Feature(**feature) for feature in kept.pop("features")]
        inputs = tuple(_input(fields) for fields in kept.pop("inputs"))
        with np.load(folder / "evaluation.npz") as arrays:
            evaluation = Evaluation(arrays["positive"], arrays["probabilities"])
        return cls(
            **kept
            | {
                "class_names": tuple(kept["class_names"]),
                "iterations": [Iteration(**iteration) for iteration in kept["iterations"]],
                "statistics": [FeatureStatistics(**statistics) for statistics in kept["statistics"]],
            },
            evaluation=evaluation,
            estimator=_estimator(folder, kept, features, inputs),
        )


_PLAIN = (
    "model_type",
    "label",
    "label_type",
    "class_names",
    "training_options",
    "started_at",
    "training_rows",
    "evaluation_rows",
    "attributions",
)


def _input(fields: dict[str, Any]) -> Input:
    if "mean" in fields:
        return Numeric(**fields)
    return Category(**fields | {"vocabulary": tuple(fields["vocabulary"])})


def _estimator(folder: Path, kept: dict[str, Any], features: list[Feature], inputs: tuple[Input, ...]) -> Estimator:
    if kept["model_type"] == LOGISTIC:
        return Logistic.load(folder, features, inputs)
    from local.bigquery.ml.trees import Trees  # noqa: PLC0415 - XGBoost takes a second to import

    one_hot = kept["training_options"]["categoryEncodingMethod"] == "ONE_HOT_ENCODING"
    return Trees.load(folder, features, inputs, one_hot=one_hot)
