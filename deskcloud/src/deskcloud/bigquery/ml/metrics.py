"""Compute metrics of predicted numbers, and of a binary classifier's probabilities of the positive class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.encoding import Floats

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix at a threshold. A probability of at least the threshold predicts the positive class."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @classmethod
    def at(cls, threshold: float, positive: Mask, probabilities: Floats) -> Confusion:
        """Count the rows at one threshold. `positive` marks the rows whose label is the positive class."""
        predicted = probabilities >= threshold
        hits = int(np.count_nonzero(predicted & positive))
        called, actual = int(np.count_nonzero(predicted)), int(np.count_nonzero(positive))
        return cls(hits, called - hits, len(positive) - actual - called + hits, actual - hits)

    @property
    def precision(self) -> float:
        """Return the precision, or NaN without positive predictions."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Return the recall, or NaN without positive rows."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> float:
        """Return the false positive rate, or NaN without negative rows."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def accuracy(self) -> float:
        """Return the fraction of rows whose prediction is correct."""
        right = self.true_positives + self.true_negatives
        return _share(right, right + self.false_positives + self.false_negatives)

    @property
    def f1_score(self) -> float:
        """Return the harmonic mean of precision and recall, or 0 if no positive row is predicted correctly."""
        twice = 2 * self.true_positives
        return _share(twice, twice + self.false_positives + self.false_negatives)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def log_loss(positive: Mask, probabilities: Floats) -> float:
    """Return the mean negative log likelihood. Probabilities below float64's epsilon are raised to epsilon."""
    epsilon = np.finfo(np.float64).eps
    of_actual = np.where(positive, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(of_actual, epsilon, 1)).mean())


def roc_auc(positive: Mask, probabilities: Floats) -> float:
    """Return the probability that a positive row scores higher than a negative row. A tie counts half.

    The result is NaN if all rows have the same class.
    """
    positives = int(np.count_nonzero(positive))
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    _, which, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[which]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def percentiles(probabilities: Floats, count: int = 100) -> list[float]:
    """Return the distinct percentiles of the probabilities, the highest first.

    Each percentile is equal to one of the probabilities.
    """
    chosen = np.quantile(probabilities, np.linspace(0, 1, count), method="nearest")
    return [float(value) for value in np.unique(chosen)[::-1]]


def confusions(thresholds: list[float], positive: Mask, probabilities: Floats) -> list[Confusion]:
    """Return the confusion matrix at each threshold."""
    of_positives, of_negatives = np.sort(probabilities[positive]), np.sort(probabilities[~positive])
    missed = np.searchsorted(of_positives, thresholds)
    cleared = np.searchsorted(of_negatives, thresholds)
    return [
        Confusion(len(of_positives) - below, len(of_negatives) - under, under, below)
        for below, under in zip(missed.tolist(), cleared.tolist(), strict=True)
    ]


def of_errors(actual: Floats, predicted: Floats) -> dict[str, float]:
    """Return ML.EVALUATE's regression metrics, with the formulas in the API's HparamTuningObjective.

    For an even number of errors, the median is the lower of the two middle errors, as in BigQuery's penguins tutorial.
    mean_squared_log_error is NaN if a label or a prediction is -1 or less. r2_score and explained_variance are NaN if
    all labels are equal. The metrics do not depend on the order of the rows.
    """
    errors = actual - predicted
    spread = _variance(actual)
    has_logs = min(actual.min(), predicted.min()) > -1
    return {
        "mean_absolute_error": _mean(np.abs(errors)),
        "mean_squared_error": _mean(errors**2),
        "mean_squared_log_error": _mean((np.log1p(actual) - np.log1p(predicted)) ** 2) if has_logs else np.nan,
        "median_absolute_error": float(np.quantile(np.abs(errors), 0.5, method="lower")),
        "r2_score": 1 - _mean(errors**2) / spread if spread else np.nan,
        "explained_variance": 1 - _variance(errors) / spread if spread else np.nan,
    }


def _mean(values: Floats) -> float:
    """Return the mean, from an exact sum. The last digits of NumPy's sum would depend on the order of the values."""
    return math.fsum(values) / len(values)


def _variance(values: Floats) -> float:
    return _mean((values - _mean(values)) ** 2)
