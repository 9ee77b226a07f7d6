"""A trained model of any type. Its folder holds model.json, and files that are specific to the model type."""

from __future__ import annotations

import abc
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from deskcloud import jsontext
from deskcloud.bigquery.ml.columns import Feature
from deskcloud.bigquery.ml.journal import Iteration

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class FeatureStatistics:
    """One row of ML.FEATURE_INFO.

    For a categorical input, all statistics of numbers are None. For a numeric input, `category_count` is None.
    """

    input: str
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    stddev: float | None
    category_count: int | None
    null_count: int | None


@dataclass(frozen=True)
class TrainedModel(abc.ABC):
    """The common part of all trained models. The subclasses are Classifier, Regressor and Factorization.

    model_type: the value of the API's enum, such as LOGISTIC_REGRESSION
    label, label_type: the name and the BigQuery type ("INT64", "BOOL", ...) of the target column
    training_options: the API's trainingOptions
    started_at: the start of the training, ISO 8601 in UTC
    training_rows, evaluation_rows: the numbers of rows for training and for evaluation
    """

    model_type: str
    label: str
    label_type: str
    training_options: dict[str, Any]
    started_at: str
    training_rows: int
    evaluation_rows: int
    iterations: list[Iteration]
    statistics: list[FeatureStatistics]

    @property
    @abc.abstractmethod
    def features(self) -> list[Feature]:
        """Return the feature columns, each with .name and .type (BigQuery's type)."""

    def save(self, folder: Path) -> None:
        """Write the model into `folder`. Create the folder if it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: getattr(self, name) for name in _PLAIN}
        kept |= {
            "iterations": [asdict(iteration) for iteration in self.iterations],
            "statistics": [asdict(statistics) for statistics in self.statistics],
            "features": [asdict(feature) for feature in self.features],
        }
        (folder / "model.json").write_text(jsontext.text(kept | self._save(folder), 1))

    @abc.abstractmethod
    def _save(self, folder: Path) -> dict[str, Any]:
        """Write the files that are specific to the model type. Return the fields to be added to model.json."""


def kept_fields(folder: Path) -> dict[str, Any]:
    """Return the content of model.json, with the iterations, the statistics and the features as Python objects."""
    kept: dict[str, Any] = json.loads((folder / "model.json").read_text())
    if "measures" in kept:
        # JSON has no NaN, so a metric that is not a number was stored as null.
        kept["measures"] = {name: math.nan if value is None else value for name, value in kept["measures"].items()}
    return kept | {
        "iterations": [Iteration(**iteration) for iteration in kept["iterations"]],
        "statistics": [FeatureStatistics(**statistics) for statistics in kept["statistics"]],
        "features": [Feature(**feature) for feature in kept["features"]],
    }


_PLAIN = (
    "model_type",
    "label",
    "label_type",
    "training_options",
    "started_at",
    "training_rows",
    "evaluation_rows",
)
