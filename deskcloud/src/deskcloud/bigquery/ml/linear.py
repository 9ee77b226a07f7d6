"""Train linear and logistic regressions, and predict with them.

The objective to minimise is  sum_i c_i * loss_i  +  L1_REG * |w|_1  +  L2_REG / 2 * |w|^2  over the training rows, on
standardised numbers and one-hot categories. c_i is the weight of row i's class. loss_i is the log loss, or half the
squared error. The intercept is not penalised.

The objective is the same as in scikit-learn's LogisticRegression with C = 1 / L2_REG, and in its Ridge with alpha =
L2_REG. Google does not publish its scaling of the loss. XGBoost uses the same scaling as this module, so L2_REG means
the same for linear models and for trees. The reported losses are means without the penalty. They are the log loss, or
the squared error without the factor 1/2.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deskcloud.bigquery.ml import descent, design, encoding, losses
from deskcloud.bigquery.ml.design import Design
from deskcloud.bigquery.ml.encoding import Floats, Input, Numeric, Rows
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.options import AUTO, GRADIENT, LOGISTIC, NORMAL_EQUATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deskcloud.bigquery.ml.columns import Columns, Feature
    from deskcloud.bigquery.ml.journal import Journal
    from deskcloud.bigquery.ml.losses import Loss

MOST_INPUTS, ROWS_PER_INPUT = 10_000, 10
"""The normal equation takes at most MOST_INPUTS inputs. An input is a number, or one category of a feature.

AUTO_STRATEGY selects the normal equation only if there are also at least ROWS_PER_INPUT rows per input.
"""


@dataclass(frozen=True)
class Linear:
    """A trained linear model: the intercept, and the weights of the inputs.

    The weights of numbers apply to standardised numbers. The weight of a category is at the position of its code.
    """

    features: list[Feature]
    inputs: tuple[Input, ...]
    loss: Loss
    intercept: float
    weights: tuple[Floats, ...]
    """One weight for each Numeric input, and `size` weights for each Category input."""

    def margins(self, columns: Columns) -> Floats:
        """Return the intercept plus the weights times the inputs, for each row."""
        total = np.full(columns.rows, self.intercept)
        for share in self._shares(columns):
            total += share
        return total

    def predictions(self, columns: Columns) -> Floats:
        """Return the predicted value, or the probability of the positive class, for each row."""
        return self.loss.predict(self.margins(columns))

    def contributions(self, columns: Columns, *, approximate: bool = False) -> Floats:
        """Return each feature's contribution to the margin. The last column is the intercept.

        A contribution is the weight times the standardised value. The values are exact, so `approximate` has no effect.
        """
        del approximate
        result = np.zeros((columns.rows, len(self.features) + 1))
        for input_, share in zip(self.inputs, self._shares(columns), strict=True):
            result[:, input_.feature] += share
        result[:, -1] = self.intercept
        return result

    def _shares(self, columns: Columns) -> Iterator[Floats]:
        pairs = encoding.columns_of(columns, self.features, self.inputs)
        for (input_, column), weights in zip(pairs, self.weights, strict=True):
            if isinstance(input_, Numeric):
                yield weights[0] * input_.standardised(column)
            else:
                yield weights[input_.codes(column)]

    def raw_weights(self) -> tuple[float, list[Floats]]:
        """Return the intercept and the weights for numbers that are not standardised."""
        intercept, weights = self.intercept, []
        for input_, weight in zip(self.inputs, self.weights, strict=True):
            if isinstance(input_, Numeric):
                raw = weight / (input_.stddev or np.inf)
                intercept -= float(raw[0]) * input_.mean
                weights.append(raw)
            else:
                weights.append(weight)
        return intercept, weights

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`. The caller must store the features and the inputs."""
        arrays = {str(index): weight for index, weight in enumerate(self.weights)}
        np.savez(folder / "weights.npz", intercept=np.array(self.intercept), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path, features: list[Feature], inputs: tuple[Input, ...], model_type: str) -> Linear:
        """Load the weights that `save` has written into `folder`."""
        with np.load(folder / "weights.npz") as arrays:
            weights = tuple(arrays[str(index)] for index in range(len(inputs)))
            return cls(features, inputs, _loss(model_type), float(arrays["intercept"]), weights)


def _loss(model_type: str) -> Loss:
    return losses.LOG if model_type == LOGISTIC else losses.SQUARED


def train(
    rows: Rows, held_out: Rows | None, features: list[Feature], options: dict[str, Any], journal: Journal
) -> Linear:
    """Train with the strategy that OPTIMIZE_STRATEGY selects. Write the strategy into `options`. Return the model."""
    inputs = encoding.fit(rows.columns, features, dummy=options["category_encoding_method"] == "DUMMY_ENCODING")
    loss = _loss(options["model_type"])
    of_rows = Design(rows.columns, features, inputs)
    watched = Design(held_out.columns, features, inputs) if held_out else None
    learned = design.learnable(inputs, fit_intercept=options["fit_intercept"])

    def eval_loss(flat: Floats) -> float | None:
        return loss.mean(watched.times(flat), held_out.labels, held_out.weights) if held_out and watched else None

    if _use_normal_equation(inputs, len(rows.labels), options):
        from deskcloud.bigquery.ml import normal_equation  # noqa: PLC0415 - it imports SciPy, which few models need

        flat = normal_equation.solve(of_rows, rows.labels, learned, options["l2_reg"])
        journal.record(loss.mean(of_rows.times(flat), rows.labels, rows.weights), eval_loss(flat))
    else:
        l1, l2 = options["l1_reg"], options["l2_reg"]
        objective = descent.Objective(loss, of_rows, rows.labels, rows.weights, learned, l1, l2)
        flat = _descend(objective, options, journal, eval_loss)
    intercept, parts = of_rows.split(flat)
    numbers, categories = iter(parts[0]), iter(parts[1:])
    weights = tuple(np.array([next(numbers)]) if isinstance(i, Numeric) else next(categories) for i in inputs)
    return Linear(features, inputs, loss, intercept, weights)


def _use_normal_equation(inputs: tuple[Input, ...], rows: int, options: dict[str, Any]) -> bool:
    """Return whether to use the normal equation. For linear regression, also complete `options`.

    OPTIMIZE_STRATEGY becomes the chosen strategy. With the normal equation, the options about learning rates become
    None. Otherwise, L1_REG becomes 0 if it is not set.

    https://cloud.google.com/bigquery/docs/reference/standard-sql/bigqueryml-syntax-create-glm#optimize_strategy
    """
    if options["model_type"] == LOGISTIC:
        return False
    size, strategy = design.cardinality(inputs), options["optimize_strategy"]
    if strategy == NORMAL_EQUATION and size > MOST_INPUTS:
        raise MLError(
            f"OPTIMIZE_STRATEGY='NORMAL_EQUATION' takes features with {MOST_INPUTS:,} numbers and categories in all, "
            f"but these have {size:,}: use BATCH_GRADIENT_DESCENT."
        )
    if strategy == AUTO:
        is_small = size <= MOST_INPUTS and rows >= ROWS_PER_INPUT * size
        strategy = NORMAL_EQUATION if options["l1_reg"] is None and is_small else GRADIENT
    options["optimize_strategy"] = strategy
    if strategy == NORMAL_EQUATION:
        options |= dict.fromkeys(("learn_rate_strategy", "learn_rate", "ls_init_learn_rate"))
        return True
    options["l1_reg"] = options["l1_reg"] or 0.0
    return False


def _descend(
    objective: descent.Objective, options: dict[str, Any], journal: Journal, eval_loss: Callable[[Floats], float | None]
) -> Floats:
    """Iterate until MAX_ITERATIONS, EARLY_STOP or the minimum. Return the weights."""
    start = np.zeros(len(objective.learned))
    if options["fit_intercept"]:
        # Start at the best constant model, so that the first iterations improve the weights of the features.
        start[0] = objective.loss.constant(np.average(objective.labels, weights=objective.row_weights))
    best = descent.evaluate(objective, start)
    points = (
        descent.line_search(objective, best, options["ls_init_learn_rate"])
        if options["learn_rate_strategy"] == "LINE_SEARCH"
        else descent.constant_rate(objective, best, options["learn_rate"])
    )
    for best in itertools.islice(points, options["max_iterations"]):
        if journal.record(best.loss, eval_loss(best.flat), best.rate):
            break
    if not journal.iterations:
        journal.record(best.loss, eval_loss(best.flat), 0.0)
    return best.flat
