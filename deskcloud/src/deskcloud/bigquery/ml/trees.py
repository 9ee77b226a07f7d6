"""Train boosted trees with XGBoost on a float32 matrix, and translate BigQuery ML's options into XGBoost's parameters.

Numbers are used unchanged, and NULL becomes the mean of the training rows. By default, a category becomes its code, and
NULL and unseen categories have the code 0. With ONE_HOT_ENCODING, each category has a column of its own, and NULL too.
Importing this module imports XGBoost.

A CREATE MODEL statement arrives here through gateway/create_model.py and ml/training.py.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from deskcloud.bigquery.ml import encoding
from deskcloud.bigquery.ml.encoding import Category, Floats, Input, Numeric, Rows
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.options import REGRESSORS

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.columns import Columns, Feature
    from deskcloud.bigquery.ml.journal import Journal

Matrix = npt.NDArray[np.float32]

BASE_SCORE = 0.5
"""The initial prediction. BigQuery's XGBoost versions start at 0.5, but later versions at the mean of the labels."""

BLOCK = 1 << 14
"""Number of rows copied into the matrix at a time. These rows fit into the processor's cache."""


def parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Return XGBoost's parameters for the options of CREATE MODEL."""
    method = options["tree_method"].lower()
    is_regressor = options["model_type"] in REGRESSORS
    given = {
        "objective": "reg:squarederror" if is_regressor else "binary:logistic",
        "eval_metric": "rmse" if is_regressor else "logloss",
        "base_score": BASE_SCORE,
        "tree_method": "hist" if method == "auto" else method,
        "learning_rate": options["learn_rate"],
        "reg_alpha": options["l1_reg"],
        "reg_lambda": options["l2_reg"],
        "gamma": options["min_split_loss"],
        "max_depth": options["max_tree_depth"],
        "min_child_weight": options["min_tree_child_weight"],
        "num_parallel_tree": options["num_parallel_tree"],
        "subsample": options["subsample"],
        "colsample_bytree": options["colsample_bytree"],
        "colsample_bylevel": options["colsample_bylevel"],
        "colsample_bynode": options["colsample_bynode"],
        "nthread": os.cpu_count(),
        "seed": 0,
    }
    if options["booster_type"] == "DART":
        # XGBoost 3 has no booster `dart`. Here, DART is the tree booster with dropout.
        given |= {"rate_drop": options["dropout"], "normalize_type": options["dart_normalize_type"].lower()}
    return given


def matrix(columns: Columns, features: list[Feature], inputs: tuple[Input, ...], *, one_hot: bool) -> Matrix:
    """Return the inputs as a float32 matrix, one row per input row, for training and prediction."""
    filled: list[npt.NDArray[Any]] = []
    for input_, column in encoding.columns_of(columns, features, inputs):
        if isinstance(input_, Numeric):
            filled.append(_single_precision(input_.values(column), f"Feature column {input_.name!r}"))
        elif one_hot:
            codes = input_.codes(column)
            filled.extend(codes == code for code in range(1, input_.size))
        else:
            codes = input_.codes(column)
            filled.append(np.where(codes == input_.null, encoding.UNSEEN, codes))
    result = np.empty((columns.rows, len(filled)), np.float32)
    for start in range(0, columns.rows, BLOCK):
        for position, values in enumerate(filled):
            result[start : start + BLOCK, position] = values[start : start + BLOCK]
    return result


def _single_precision(values: npt.NDArray[Any], what: str) -> Matrix:
    try:
        with np.errstate(over="raise"):
            return values.astype(np.float32)
    except FloatingPointError as error:
        raise MLError(f"{what} has a number beyond 3.4e38, which boosted trees cannot hold: scale it.") from error


@dataclass(frozen=True)
class Trees:
    """A booster, and the features and inputs from which its matrix is built."""

    features: list[Feature]
    inputs: tuple[Input, ...]
    one_hot: bool
    booster: xgb.Booster

    def matrix(self, columns: Columns) -> Matrix:
        """Return the rows as the matrix with which the booster predicts."""
        return matrix(columns, self.features, self.inputs, one_hot=self.one_hot)

    def predictions(self, columns: Columns) -> Floats:
        """Return the predicted value, or the probability of the positive class, for each row."""
        if columns.rows == 0:
            return np.zeros(0)
        given = self.booster.inplace_predict(self.matrix(columns), validate_features=False)
        return np.asarray(given, np.float64)

    def contributions(self, columns: Columns, *, approximate: bool = False) -> Floats:
        """Return each feature's contribution to the predicted value, or to the log odds of the positive class.

        The contributions are exact (TreeSHAP), or approximate if `approximate`. The last column is the bias.
        """
        result = np.zeros((columns.rows, len(self.features) + 1))
        if columns.rows:
            data = xgb.DMatrix(self.matrix(columns), nthread=os.cpu_count())
            parts = self.booster.predict(data, pred_contribs=True, approx_contribs=approximate)
            for position, feature in enumerate([*self.feature_of_column, len(self.features)]):
                result[:, feature] += parts[:, position]
        return result

    @cached_property
    def feature_of_column(self) -> list[int]:
        """Return the position of the feature to which each column of the matrix belongs."""
        widths = [input_.size - 1 if self.one_hot and isinstance(input_, Category) else 1 for input_ in self.inputs]
        return [input_.feature for input_, width in zip(self.inputs, widths, strict=True) for _ in range(width)]

    def importance(self) -> list[tuple[float, float, float]]:
        """Return the number of splits, the mean gain and the mean cover of each feature.

        A feature without splits has 0 for all three.
        """
        scores = {
            kind: self.booster.get_score(importance_type=kind) for kind in ("weight", "total_gain", "total_cover")
        }
        sums = np.zeros((len(self.features), 3))
        for position, feature in enumerate(self.feature_of_column):
            sums[feature] += [scores[kind].get(f"f{position}", 0.0) for kind in scores]
        splits = np.maximum(sums[:, :1], 1)
        return [tuple(row) for row in np.hstack([sums[:, :1], sums[:, 1:] / splits]).tolist()]

    def save(self, folder: Path) -> None:
        """Write the booster into `folder`. The caller must store the features and the inputs."""
        (folder / "booster.ubj").write_bytes(self.booster.save_raw("ubj"))

    @classmethod
    def load(cls, folder: Path, features: list[Feature], inputs: tuple[Input, ...], *, one_hot: bool) -> Trees:
        """Load the booster that `save` has written into `folder`."""
        booster = xgb.Booster({"nthread": os.cpu_count()}, model_file=bytearray((folder / "booster.ubj").read_bytes()))
        return cls(features, inputs, one_hot, booster)


class _Watch(xgb.callback.TrainingCallback):
    """Record each boosting round in the journal."""

    def __init__(self, journal: Journal, learning_rate: float, judges: xgb.DMatrix) -> None:
        super().__init__()
        self._judges = judges
        self._journal = journal
        self._learning_rate = learning_rate

    def after_training(self, model: Any) -> Any:
        """Compute the predictions now, while XGBoost still has them in its cache from the last round."""
        self.judged = model.predict(self._judges)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Record the round's losses. Return True if training should stop after this round."""
        del model, epoch
        losses = {name: _mean_loss(log) for name, log in evals_log.items()}
        return self._journal.record(losses["train"], losses.get("evaluation"), self._learning_rate)


def _mean_loss(log: dict[str, list[float]]) -> float:
    """Return the last round's log loss, or its mean squared error.

    XGBoost reports the root of the mean squared error, so the reported value is squared.
    """
    return float(log["rmse"][-1]) ** 2 if "rmse" in log else float(log["logloss"][-1])


def train(
    rows: Rows, held_out: Rows | None, features: list[Feature], options: dict[str, Any], journal: Journal
) -> tuple[Trees, Floats]:
    """Train until MAX_ITERATIONS or EARLY_STOP. Return the model and its predictions for the evaluation rows.

    Without evaluation rows, the predictions are for the training rows.
    """
    inputs = encoding.fit(rows.columns, features)
    one_hot = options["category_encoding_method"] == "ONE_HOT_ENCODING"

    def data(some: Rows) -> xgb.DMatrix:
        weights = None if (some.weights == 1).all() else some.weights
        filled = matrix(some.columns, features, inputs, one_hot=one_hot)
        labels = _single_precision(some.labels, "The label")
        return xgb.DMatrix(filled, labels, weight=weights, nthread=os.cpu_count())

    training = data(rows)
    watched = [(training, "train")] + ([(data(held_out), "evaluation")] if held_out else [])
    watch = _Watch(journal, options["learn_rate"], watched[-1][0])
    booster = xgb.train(
        parameters(options),
        training,
        options["max_iterations"],
        evals=watched,
        callbacks=[watch],
        verbose_eval=False,
    )
    return Trees(features, inputs, one_hot, booster), np.asarray(watch.judged, np.float64)
