"""The losses of linear models: the log loss and the squared error.

For both, the derivative of a row's objective with respect to the row's margin is the prediction minus the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskcloud.bigquery.ml.encoding import Floats, Labels


@dataclass(frozen=True)
class Loss:
    """A loss function and the functions that belong to it.

    A row's margin is the intercept plus the weights times the inputs.

    predict: takes margins and returns predictions
    mean: takes margins, labels and row weights, and returns the weighted mean loss that a training reports
    share: the factor of `mean` in the objective that a training minimises; the L2 penalty is added
    slopes: takes predictions and returns the derivative of each prediction with respect to the row's margin
    constant: takes the mean of the labels and returns the margin of the best constant model
    """

    predict: Callable[[Floats], Floats]
    mean: Callable[[Floats, Labels, Floats], float]
    share: float
    slopes: Callable[[Floats], Floats]
    constant: Callable[[Any], float]


def sigmoid(margins: Floats) -> Floats:
    """Convert log odds into probabilities."""
    # The argument of exp is never positive, because exp of a large positive number would overflow.
    small = np.exp(-np.abs(margins))
    result: Floats = np.where(margins >= 0, 1, small) / (1 + small)
    return result


def _mean_log_loss(margins: Floats, positive: Labels, row_weights: Floats) -> float:
    """Return the weighted mean log loss. `margins` are log odds; large values do not overflow."""
    return float(np.average(np.logaddexp(0, np.where(positive, -margins, margins)), weights=row_weights))


def _mean_squared_error(margins: Floats, labels: Labels, row_weights: Floats) -> float:
    return float(np.average(np.square(margins - labels), weights=row_weights))


LOG = Loss(
    predict=sigmoid,
    mean=_mean_log_loss,
    share=1.0,
    slopes=lambda chances: chances * (1 - chances),
    constant=lambda share: float(np.log(share / (1 - share))),
)
SQUARED = Loss(
    predict=lambda margins: margins,
    mean=_mean_squared_error,
    share=0.5,
    slopes=np.ones_like,
    constant=float,
)
