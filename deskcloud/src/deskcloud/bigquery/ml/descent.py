"""Minimise the objective of a linear model, by line search or with a constant learning rate.

SciPy's L-BFGS-B reaches the same minimum (weights within 4e-7). But SciPy has no LS_INIT_LEARN_RATE and reports no
learning rate, so SciPy is not used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deskcloud.bigquery.ml.design import Design
    from deskcloud.bigquery.ml.encoding import Floats, Labels, Mask
    from deskcloud.bigquery.ml.losses import Loss

MEMORY = 10
"""Number of steps from which L-BFGS estimates the curvature."""

CONVERGED = 1e-10
"""The solver has converged when every component of the mean objective's gradient is below this value."""


@dataclass
class Objective:
    """The mean penalised loss and its gradient, as functions of the flat vector of weights.

    `learned` is True for each weight that is learned; the other weights stay 0. The intercept has no penalty.
    """

    loss: Loss
    design: Design
    labels: Labels
    row_weights: Floats
    learned: Mask
    l1: float
    l2: float

    def __post_init__(self) -> None:
        self.penalised = self.learned & (np.arange(len(self.learned)) > 0)

    def smooth(self, flat: Floats) -> tuple[float, Floats, float]:
        """Return the objective without L1, the gradient of this objective, and the mean loss, at `flat`.

        The objective is `loss.share` times the mean loss, plus the L2 penalty divided by the sum of the row weights.
        """
        margins = self.design.times(flat)
        loss = self.loss.mean(margins, self.labels, self.row_weights)
        total = self.row_weights.sum()
        residuals = self.row_weights * (self.loss.predict(margins) - self.labels) / total
        gradient = self.design.gradient(residuals)
        penalty = self.l2 * flat * self.penalised / total
        value = self.loss.share * loss + 0.5 * float(flat @ penalty)
        return value, (gradient + penalty) * self.learned, loss

    def scale(self, flat: Floats) -> Floats:
        """Return the step scale of each weight, which is the inverse of the weight's curvature at `flat`."""
        total = self.row_weights.sum()
        slopes = self.row_weights * self.loss.slopes(self.loss.predict(self.design.times(flat))) / total
        curvature = self.design.curvature(slopes) + self.l2 * self.penalised / total
        return 1 / np.where(curvature > 0, curvature, 1)

    @property
    def l1_share(self) -> Floats:
        """Return each weight's factor in the L1 penalty of the mean objective: L1_REG / the sum of the row weights."""
        return self.l1 / self.row_weights.sum() * self.penalised


@dataclass(frozen=True)
class Point:
    """The state of a solver.

    `gradient` is the gradient of the objective without L1, and `rate` is the learning rate of the last step.
    """

    flat: Floats
    value: float
    gradient: Floats
    loss: float
    rate: float


def evaluate(objective: Objective, flat: Floats, rate: float = 0.0) -> Point:
    """Return the solver's state for the weights `flat`. The state's value includes the L1 penalty."""
    value, gradient, loss = objective.smooth(flat)
    return Point(flat, value + float(objective.l1_share @ np.abs(flat)), gradient, loss, rate)


def line_search(objective: Objective, here: Point, initial_rate: float) -> Iterator[Point]:
    """Yield the points of OWL-QN (Andrew and Gao, 2007).

    OWL-QN is L-BFGS in which a step that would change a weight's sign sets the weight to 0.

    The first step follows the negative gradient, divided by the curvature of each weight. The first step's rate starts
    at `initial_rate` and is doubled as long as the objective falls. Later steps try the rate 1 first.
    """
    l1 = objective.l1_share
    scale = objective.scale(here.flat)
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
    objective: Objective, here: Point, direction: Floats, slope: Floats, l1: Floats, rate: float, *, grow: bool
) -> Point | None:
    """Halve the rate until the objective falls enough. Return None if no rate lowers the objective.

    If `grow`, first double the rate as long as the objective falls.
    """
    orthant = np.where(here.flat != 0, np.sign(here.flat), -np.sign(slope))

    def at(rate: float) -> Point:
        flat = here.flat + rate * direction
        flat[(l1 > 0) & (flat * orthant < 0)] = 0
        return evaluate(objective, flat, rate)

    there = at(rate)
    if grow:
        while (further := at(2 * there.rate)).value < there.value:
            there = further
    while there.value > here.value + 1e-4 * float(slope @ (there.flat - here.flat)):
        if there.rate < 1e-12:
            return None
        there = at(there.rate / 2)
    return there if there.value < here.value else None


def _pseudo_gradient(here: Point, l1: Floats) -> Floats:
    """Return the gradient of the objective with L1.

    At a weight of 0, the objective has a derivative on each side. The result is the derivative on the side on which the
    objective falls, or 0 if the objective falls on neither side.
    """
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


def constant_rate(objective: Objective, here: Point, rate: float) -> Iterator[Point]:
    """Yield the points of proximal gradient descent with a constant step length.

    Raises:
        MLError: the steps are so long that the loss grows beyond all bounds.
    """
    l1 = objective.l1_share
    while np.abs(_pseudo_gradient(here, l1)).max() >= CONVERGED:
        flat = here.flat - rate * here.gradient
        with np.errstate(over="ignore", invalid="ignore"):
            here = evaluate(objective, np.sign(flat) * np.maximum(np.abs(flat) - rate * l1, 0), rate)
        if not np.isfinite(here.value):
            raise MLError(f"With LEARN_RATE={rate:g}, the loss grows beyond all bounds: set a lower LEARN_RATE.")
        yield here
