"""The common part of classifiers and regressors, which have features, a label and a trained estimator."""

from __future__ import annotations

import abc
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from deskcloud.bigquery.ml import monitoring
from deskcloud.bigquery.ml.encoding import Category, Numeric
from deskcloud.bigquery.ml.linear import Linear
from deskcloud.bigquery.ml.model import TrainedModel, kept_fields
from deskcloud.bigquery.ml.options import LINEAR_MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.columns import Columns, Feature
    from deskcloud.bigquery.ml.distributions import Distribution
    from deskcloud.bigquery.ml.encoding import Floats, Input


class Estimator(Protocol):
    """The trained part of a model: `linear.Linear` or `trees.Trees`."""

    @property
    def features(self) -> list[Feature]:
        """Return the feature columns in the query's order."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the inputs, which encode the features."""

    def predictions(self, columns: Columns) -> Floats:
        """Return the predicted value, or the probability of the positive class, for each row."""

    def contributions(self, columns: Columns, *, approximate: bool = False) -> Floats:
        """Return each feature's contribution to the predicted value, or to the log odds of the positive class.

        The result has one row per input row and one column per feature. The last column is the baseline.
        """

    def save(self, folder: Path) -> None:
        """Write the trained parameters into `folder`."""


@dataclass(frozen=True)
class Supervised(TrainedModel):
    """A classifier or a regressor. In addition to model.json, its folder holds the weights or the booster.

    attributions: one attribution per feature, for ML.GLOBAL_EXPLAIN; None without ENABLE_GLOBAL_EXPLAIN
    distributions: the features' distributions in the training rows; None if an older version stored no distributions
    """

    attributions: list[float] | None
    distributions: dict[str, Distribution] | None
    estimator: Estimator

    @property
    def features(self) -> list[Feature]:
        """Return the feature columns in the query's order, each with .name and .type (BigQuery's type)."""
        return self.estimator.features

    @abc.abstractmethod
    def answer(self, prediction: float) -> dict[str, Any]:
        """Convert a prediction of the estimator into the JSON object of Vertex AI's answer.

        https://cloud.google.com/bigquery/docs/exporting-models#prediction_output_format
        """

    def _save(self, folder: Path) -> dict[str, Any]:
        self.estimator.save(folder)
        return {
            "attributions": self.attributions,
            "distributions": monitoring.kept(self.distributions),
            "inputs": [asdict(input_) for input_ in self.estimator.inputs],
        }


def loaded_fields(folder: Path) -> dict[str, Any]:
    """Return the fields of model.json as Python objects, and the estimator that `folder` holds.

    The estimator contains the features and the inputs, so the field `estimator` replaces these two fields.
    """
    kept = kept_fields(folder)
    features, inputs = kept.pop("features"), tuple(_input(fields) for fields in kept.pop("inputs"))
    return kept | {
        "distributions": monitoring.loaded(kept.get("distributions")),
        "estimator": _estimator(folder, kept, features, inputs),
    }


def _input(fields: dict[str, Any]) -> Input:
    if "mean" in fields:
        return Numeric(**fields)
    return Category(**fields | {"vocabulary": tuple(fields["vocabulary"])})


def _estimator(folder: Path, kept: dict[str, Any], features: list[Feature], inputs: tuple[Input, ...]) -> Estimator:
    if kept["model_type"] in LINEAR_MODELS:
        return Linear.load(folder, features, inputs, kept["model_type"])
    from deskcloud.bigquery.ml.trees import Trees  # noqa: PLC0415 - XGBoost takes a second to import

    one_hot = kept["training_options"]["categoryEncodingMethod"] == "ONE_HOT_ENCODING"
    return Trees.load(folder, features, inputs, one_hot=one_hot)
