"""Binary logistic regression: the objective, two solvers, and the resulting model.

The loss to minimise is  sum_i c_i * log_loss_i  +  L1_REG * |w|_1  +  L2_REG / 2 * |w|^2  over the training rows. Here,
c_i is the weight of row i's class. The intercept is not penalised. This is scikit-learn's LogisticRegression with C = 1
/ L2_REG on standardised numbers and one-hot categories.

Google does not publish its scaling of the loss. XGBoost uses the same scaling as this module, so an L2_REG means the
same in both model types. Losses are reported as means, without the penalty.

SciPy's L-BFGS-B reaches the same minimum (weights within 4e-7). It has no LS_INIT_LEARN_RATE and reports no learning
rate, so it is not used here.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deskcloud.bigquery.ml import encoding
from deskcloud.bigquery.ml.encoding import Category, Codes, Floats, Input, Numeric, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deskcloud.bigquery.ml.columns import Columns, Feature
    from deskcloud.bigquery.ml.journal import Journal

MEMORY = 10
"""Number of steps from which L-BFGS estimates the curvature."""

CONVERGED = 1e-10
"""The solver has converged when every component of the mean objective's gradient is below this value."""


class Design:
    """The training rows as the design matrix of a linear model: numbers are dense columns, categories are codes."""

    def __init__(self, columns: Columns, features: list[Feature], inputs: tuple[Input, ...]) -> None:
        numbers: list[Floats] = []
        self.codes: list[Codes] = []
        for input_, column in encoding.columns_of(columns, features, inputs):
            if isinstance(input_, Numeric):
                numbers.append(input_.standardised(column))
            else:
                self.codes.append(input_.codes(column))
        self.numbers = np.column_stack(numbers) if numbers else np.zeros((columns.rows, 0))

    def times(self, intercept: float, weights: list[Floats]) -> Floats:
        """Return the log odds of each row."""
        result: Floats = self.numbers @ weights[0] + intercept
        for of_category, codes in zip(weights[1:], self.codes, strict=True):
            result += of_category[codes]
        return result

    def gradient(self, residuals: Floats, sizes: list[int]) -> Floats:
        """Return the sum of `residuals` (one per row) for each weight.

        The order of the weights is: intercept, numbers, each category's codes.
        """
        return self._sums(self.numbers, residuals, sizes)

    def curvature(self, residual_slopes: Floats, sizes: list[int]) -> Floats:
        """Return the diagonal of the Hessian, in the order of `gradient`."""
        return self._sums(np.square(self.numbers), residual_slopes, sizes)

    def _sums(self, numbers: Floats, of_rows: Floats, sizes: list[int]) -> Floats:
        categories = (
            np.bincount(codes, of_rows, minlength=size) for codes, size in zip(self.codes, sizes, strict=True)
        )
        return np.concatenate([[of_rows.sum()], numbers.T @ of_rows, *categories])


def mean_log_loss(margins: Floats, positive: npt.NDArray[np.bool_], row_weights: Floats) -> float:
    """Return the weighted mean log loss. `margins` are log odds; large values do not overflow."""
    return float(np.average(np.logaddexp(0, np.where(positive, -margins, margins)), weights=row_weights))


@dataclass
class _Objective:
    """The mean penalised loss and its gradient, as functions of one flat vector.

    The vector holds the intercept, the weights of the numbers and the weights of the categories' codes.
    """

    design: Design
    positive: npt.NDArray[np.bool_]
    row_weights: Floats
    free: npt.NDArray[np.bool_]
    penalised: npt.NDArray[np.bool_]
    sizes: list[int]
    l1: float
    l2: float

    def split(self, flat: Floats) -> tuple[float, list[Floats]]:
        edges = np.cumsum([1, self.design.numbers.shape[1], *self.sizes])
        return float(flat[0]), np.split(flat[1:], edges[1:-1] - 1)

    def smooth(self, flat: Floats) -> tuple[float, Floats, float]:
        """Return the value and the gradient of loss plus L2, divided by the number of rows, and the mean loss."""
        margins = self.design.times(*self.split(flat))
        loss = mean_log_loss(margins, self.positive, self.row_weights)
        total = self.row_weights.sum()
        residuals = self.row_weights * (sigmoid(margins) - self.positive) / total
        gradient = self.design.gradient(residuals, self.sizes)
        penalty = self.l2 * flat * self.penalised / total
        value = loss + 0.5 * float(flat @ penalty)
        return value, (gradient + penalty) * self.free, loss

    def scale(self, flat: Floats) -> Floats:
        """Return the step scale of each weight: the inverse of the weight's curvature at `flat`."""
        total = self.row_weights.sum()
        chances = sigmoid(self.design.times(*self.split(flat)))
        slopes = self.row_weights * chances * (1 - chances) / total
        curvature = self.design.curvature(slopes, self.sizes) + self.l2 * self.penalised / total
        return 1 / np.where(curvature > 0, curvature, 1)

    @property
    def l1_share(self) -> Floats:
        """Return the L1 penalty of each weight, divided by the number of rows."""
        return self.l1 / self.row_weights.sum() * self.penalised


def sigmoid(margins: Floats) -> Floats:
    """Return the probabilities that belong to log odds."""
    # The argument of exp is never positive, because exp of a large positive number would overflow.
    small = np.exp(-np.abs(margins))
    result: Floats = np.where(margins >= 0, 1, small) / (1 + small)
    return result


@dataclass(frozen=True)
class _Point:
    """The state of a solver. `gradient` is that of the smooth part, and `rate` is the length of the last step."""

    flat: Floats
    value: float
    gradient: Floats
    loss: float
    rate: float


def _line_search(objective: _Objective, start: Floats, initial_rate: float) -> Iterator[_Point]:
    """Yield the points of OWL-QN: L-BFGS within an orthant, so that L1 yields zeros (Andrew and Gao, 2007).

    The first step follows the gradient, scaled by the curvature of each weight. Its rate is `initial_rate`, which is
    doubled as long as the objective falls. Later steps try the rate 1 first.
    """
    l1 = objective.l1_share
    scale = objective.scale(start)
    here = _evaluate(objective, start, l1, 0.0)
    steps: list[tuple[Floats, Floats]] = []
    while True:
        slope = _pseudo_gradient(here, l1)
        if np.abs(slope).max() < CONVERGED:
            return
        direction = _two_loops(-slope, steps, scale)
        direction[l1 > 0] *= (direction * -slope > 0)[l1 > 0]
        there = _step(objective, here, direction, slope, l1, 1.0 if steps else initial_rate, grow=not steps)
        if there is None:
            return
        moved, bent = there.flat - here.flat, there.gradient - here.gradient
        if moved @ bent > 1e-300:
            steps = [*steps[1 - MEMORY :], (moved, bent)]
        here = there
        yield here


def _step(
    objective: _Objective, here: _Point, direction: Floats, slope: Floats, l1: Floats, rate: float, *, grow: bool
) -> _Point | None:
    """Halve the rate until the objective falls enough. Return None if the objective falls at no rate.

    If `grow`, first double the rate as long as the objective falls.
    """
    orthant = np.where(here.flat != 0, np.sign(here.flat), -np.sign(slope))

    def at(rate: float) -> _Point:
        flat = here.flat + rate * direction
        flat[(l1 > 0) & (flat * orthant < 0)] = 0
        return _evaluate(objective, flat, l1, rate)

    there = at(rate)
    if grow:
        while (further := at(2 * there.rate)).value < there.value:
            there = further
    while there.value > here.value + 1e-4 * float(slope @ (there.flat - here.flat)):
        if there.rate < 1e-12:
            return None
        there = at(there.rate / 2)
    return there if there.value < here.value else None


def _evaluate(objective: _Objective, flat: Floats, l1: Floats, rate: float) -> _Point:
    value, gradient, loss = objective.smooth(flat)
    return _Point(flat, value + float(l1 @ np.abs(flat)), gradient, loss, rate)


def _pseudo_gradient(here: _Point, l1: Floats) -> Floats:
    """Return the gradient including L1. At a zero weight, use the one-sided derivative that descends, or else 0."""
    at_zero = np.sign(here.gradient) * np.maximum(np.abs(here.gradient) - l1, 0)
    result: Floats = np.where(here.flat != 0, here.gradient + l1 * np.sign(here.flat), at_zero)
    return result


def _two_loops(direction: Floats, steps: list[tuple[Floats, Floats]], scale: Floats) -> Floats:
    """Return the estimated inverse Hessian times `direction` (Nocedal and Wright, algorithm 7.4)."""
    direction = direction.copy()
    shares = []
    for moved, bent in reversed(steps):
        shares.append((moved @ direction) / (moved @ bent))
        direction -= shares[-1] * bent
    direction *= scale
    if steps:
        moved, bent = steps[-1]
        direction *= (moved @ bent) / (bent @ (scale * bent))
    for (moved, bent), share in zip(steps, reversed(shares), strict=True):
        direction += (share - (bent @ direction) / (moved @ bent)) * moved
    return direction


def _constant_rate(objective: _Objective, start: Floats, rate: float) -> Iterator[_Point]:
    """Yield the points of proximal gradient descent with a constant step length."""
    l1 = objective.l1_share
    here = _evaluate(objective, start, l1, rate)
    while np.abs(_pseudo_gradient(here, l1)).max() >= CONVERGED:
        flat = here.flat - rate * here.gradient
        here = _evaluate(objective, np.sign(flat) * np.maximum(np.abs(flat) - rate * l1, 0), l1, rate)
        yield here


@dataclass(frozen=True)
class Logistic:
    """The intercept, and the weights for standardised numbers. The weights of a category are indexed by its code."""

    features: list[Feature]
    inputs: tuple[Input, ...]
    intercept: float
    weights: tuple[Floats, ...]
    """One weight for each Numeric input, and `size` weights for each Category input."""

    def margins(self, columns: Columns) -> Floats:
        """Return the log odds of the positive class for each row."""
        total = np.full(columns.rows, self.intercept)
        for share in self._shares(columns):
            total += share
        return total

    def probabilities(self, columns: Columns) -> Floats:
        """Return the probability of the positive class for each row."""
        return sigmoid(self.margins(columns))

    def contributions(self, columns: Columns, *, approximate: bool = False) -> Floats:
        """Return each feature's contribution to the log odds. The last column is the intercept.

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
        """Write the weights into `folder`. The caller stores the features and the inputs."""
        arrays = {str(index): weight for index, weight in enumerate(self.weights)}
        np.savez(folder / "weights.npz", intercept=np.array(self.intercept), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path, features: list[Feature], inputs: tuple[Input, ...]) -> Logistic:
        """Load the weights that `save` has written into `folder`."""
        with np.load(folder / "weights.npz") as arrays:
            weights = tuple(arrays[str(index)] for index in range(len(inputs)))
            return cls(features, inputs, float(arrays["intercept"]), weights)


def fit_inputs(columns: Columns, features: list[Feature], options: dict[str, Any]) -> tuple[Input, ...]:
    """Fit the inputs of the features, encoded by CATEGORY_ENCODING_METHOD."""
    return encoding.fit(columns, features, dummy=options["category_encoding_method"] == "DUMMY_ENCODING")


def train(
    rows: Rows,
    held_out: Rows | None,
    features: list[Feature],
    inputs: tuple[Input, ...],
    options: dict[str, Any],
    journal: Journal,
) -> Logistic:
    """Iterate until MAX_ITERATIONS, EARLY_STOP or the minimum. Return the model."""
    objective = _objective(rows, features, inputs, options)
    start = np.zeros(len(objective.free))
    if options["fit_intercept"]:
        # Start at the best constant model, so that the first iterations improve the weights of the features.
        share = np.average(rows.positive, weights=rows.weights)
        start[0] = np.log(share / (1 - share))
    watched = Design(held_out.columns, features, inputs) if held_out else None

    def eval_loss(point: _Point) -> float | None:
        if not (held_out and watched):
            return None
        return mean_log_loss(watched.times(*objective.split(point.flat)), held_out.positive, held_out.weights)

    solver = (
        _line_search(objective, start, options["ls_init_learn_rate"])
        if options["learn_rate_strategy"] == "LINE_SEARCH"
        else _constant_rate(objective, start, options["learn_rate"])
    )
    best = _evaluate(objective, start, objective.l1_share, 0.0)
    for best in itertools.islice(solver, options["max_iterations"]):
        if journal.record(best.loss, eval_loss(best), best.rate):
            break
    if not journal.iterations:
        journal.record(best.loss, eval_loss(best), 0.0)
    intercept, parts = objective.split(best.flat)
    numbers, categories = iter(parts[0]), iter(parts[1:])
    weights = tuple(np.array([next(numbers)]) if isinstance(i, Numeric) else next(categories) for i in inputs)
    return Logistic(features, inputs, intercept, weights)


def _objective(rows: Rows, features: list[Feature], inputs: tuple[Input, ...], options: dict[str, Any]) -> _Objective:
    categories = [input_ for input_ in inputs if isinstance(input_, Category)]
    free = [np.array([options["fit_intercept"]]), np.ones(len(inputs) - len(categories), np.bool_)]
    for category in categories:
        mask = np.ones(category.size, np.bool_)
        mask[[encoding.UNSEEN] if category.dropped is None else [encoding.UNSEEN, category.dropped]] = False
        free.append(mask)
    flat = np.concatenate(free)
    return _Objective(
        design=Design(rows.columns, features, inputs),
        positive=rows.positive,
        row_weights=rows.weights,
        free=flat,
        penalised=flat & (np.arange(len(flat)) > 0),
        sizes=[category.size for category in categories],
        l1=options["l1_reg"],
        l2=options["l2_reg"],
    )
