"""A trained classifier. Its folder holds model.json, evaluation.npz, and the booster or the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from deskcloud.bigquery.ml import monitoring
from deskcloud.bigquery.ml.columns import ARROW, Columns, Feature
from deskcloud.bigquery.ml.encoding import Category, Floats, Input, Numeric
from deskcloud.bigquery.ml.logistic import Logistic
from deskcloud.bigquery.ml.model import TrainedModel, kept_fields
from deskcloud.bigquery.ml.options import LOGISTIC

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.distributions import Distribution


class Estimator(Protocol):
    """The trained part of a classifier: `logistic.Logistic` or `trees.Trees`."""

    @property
    def features(self) -> list[Feature]:
        """Return the feature columns in the query's order."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the inputs, which encode the features."""

    def probabilities(self, columns: Columns) -> Floats:
        """Return the probability of the positive class for each row."""

    def contributions(self, columns: Columns, *, approximate: bool = False) -> Floats:
        """Return each feature's contribution to the log odds: one row per input row, one column per feature.

        The last column is the baseline.
        """

    def save(self, folder: Path) -> None:
        """Write the trained parameters into `folder`."""


@dataclass(frozen=True)
class Evaluation:
    """Labels and predictions of the held-out rows, or of the training rows if no rows were held out."""

    positive: npt.NDArray[np.bool_]
    probabilities: Floats


@dataclass(frozen=True)
class Classifier(TrainedModel):
    """A binary classifier: LOGISTIC_REGRESSION or BOOSTED_TREE_CLASSIFIER.

    class_names: the two label values as STRING, in the ascending order of the values; the last is the positive class
    attributions: one attribution per feature, for ML.GLOBAL_EXPLAIN; None without ENABLE_GLOBAL_EXPLAIN
    distributions: the features' distributions in the training rows; None if an older version stored no distributions
    """

    class_names: tuple[str, str]
    attributions: list[float] | None
    distributions: dict[str, Distribution] | None
    evaluation: Evaluation
    estimator: Estimator

    @property
    def features(self) -> list[Feature]:
        """Return the feature columns in the query's order, each with .name and .type (BigQuery's type)."""
        return self.estimator.features

    @cached_property
    def class_array(self) -> pa.Array:
        """Return the two label values in ascending order, in the label's Arrow type."""
        return pa.array(self.class_names, pa.string()).cast(ARROW[self.label_type])

    @property
    def classes(self) -> list[Any]:
        """Return the two label values in ascending order as Python values. The last is the positive class."""
        values: list[Any] = self.class_array.to_pylist()
        return values

    def _save(self, folder: Path) -> dict[str, Any]:
        np.savez(folder / "evaluation.npz", **vars(self.evaluation))
        self.estimator.save(folder)
        return {
            "class_names": self.class_names,
            "attributions": self.attributions,
            "distributions": monitoring.kept(self.distributions),
            "inputs": [asdict(input_) for input_ in self.estimator.inputs],
        }

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Load a classifier that `save` has written into `folder`."""
        kept = kept_fields(folder)
        features = kept.pop("features")
        kept["distributions"] = monitoring.loaded(kept.get("distributions"))
        inputs = tuple(_input(fields) for fields in kept.pop("inputs"))
        with np.load(folder / "evaluation.npz") as arrays:
            evaluation = Evaluation(arrays["positive"], arrays["probabilities"])
        return cls(
            **kept | {"class_names": tuple(kept["class_names"])},
            evaluation=evaluation,
            estimator=_estimator(folder, kept, features, inputs),
        )


def _input(fields: dict[str, Any]) -> Input:
    if "mean" in fields:
        return Numeric(**fields)
    return Category(**fields | {"vocabulary": tuple(fields["vocabulary"])})


def _estimator(folder: Path, kept: dict[str, Any], features: list[Feature], inputs: tuple[Input, ...]) -> Estimator:
    if kept["model_type"] == LOGISTIC:
        return Logistic.load(folder, features, inputs)
    from deskcloud.bigquery.ml.trees import Trees  # noqa: PLC0415 - XGBoost takes a second to import

    one_hot = kept["training_options"]["categoryEncodingMethod"] == "ONE_HOT_ENCODING"
    return Trees.load(folder, features, inputs, one_hot=one_hot)
