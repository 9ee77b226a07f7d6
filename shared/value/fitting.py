"""Maximize a likelihood over positive parameters, and estimate the covariance of the estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

type Array = npt.NDArray[np.float64]

# The search for a parameter starts at 1 and is limited to the range from e^-10 to e^10.
_BOUND = 10.0
# The search's result is accepted as the maximum if another Newton step would raise the log-likelihood by at most this
# value.
_MOST_GAIN = 1e-4
# Step of a parameter's logarithm for numerical derivatives.
STEP = 1e-4

REMEDY = "take a longer history, or a simpler method"


class FitError(ValueError):
    """The model cannot be fitted to these customers; the message names the reason and the remedy."""


class Contributions(NamedTuple):
    """What one customer of each row of the data adds to the log-likelihood, and its derivatives."""

    log_likelihood: Array
    scores: Array
    """Derivatives with respect to the parameters' logarithms: one column per parameter."""


@dataclass(frozen=True)
class Maximum:
    """The logarithms of the parameters at the maximum, and their covariance."""

    logarithms: Array
    covariance: Array


def maximise(contributions: Callable[[Array], Contributions], customers: Array, names: Sequence[str]) -> Maximum:
    """Maximize the sum of the log-likelihoods with L-BFGS-B (Byrd and others 1995), over the parameters' logarithms.

    `contributions` takes the parameters in the order of `names`. `customers` is the number of customers of each row.
    The search starts with all parameters at 1, so the caller must scale the data accordingly. The covariance is the
    inverse of the observed information (Efron and Hinkley 1978).

    Raises:
        FitError: there is no maximum within the bounds, or it was not found.
    """
    shares = customers / customers.sum()

    def loss(logarithms: Array) -> tuple[float, Array]:
        found = contributions(np.exp(logarithms))
        return -float(shares @ found.log_likelihood), -(shares @ found.scores)

    bounds = [(-_BOUND, _BOUND)] * len(names)
    options = {"ftol": 0.0, "gtol": 1e-9, "maxiter": 1000}
    result = optimize.minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    at_bound = [name for name, one in zip(names, result.x, strict=True) if abs(one) > _BOUND - 1e-3]
    if at_bound:
        raise FitError(
            f"the likelihood has no maximum: {', '.join(at_bound)} ran to the bound of the search. The customers are "
            f"too few or too much alike for this model; {REMEDY}"
        )
    information = customers.sum() * _curvature(loss, result.x)
    if np.linalg.eigvalsh(information)[0] <= 0:
        raise FitError(f"the likelihood does not tell {', '.join(names)} apart; {REMEDY}")
    covariance = np.linalg.inv(information)
    slope = customers.sum() * result.jac
    # The Newton decrement: Boyd and Vandenberghe (2004), 9.5.1.
    if (gain := float(slope @ covariance @ slope) / 2) > _MOST_GAIN:
        raise FitError(
            f"the search stopped where the log-likelihood can still rise by {gain:.1e} ({result.message}). Look for "
            f"extreme rows, such as test customers, and leave them out; or {REMEDY}"
        )
    return Maximum(result.x, covariance)


def _curvature(loss: Callable[[Array], tuple[float, Array]], at: Array) -> Array:
    """Return the matrix of second derivatives, from central differences of the gradient."""
    steps = STEP * np.eye(len(at))
    rows: Array = np.array([(loss(at + step)[1] - loss(at - step)[1]) / (2 * STEP) for step in steps])
    return (rows + rows.T) / 2
