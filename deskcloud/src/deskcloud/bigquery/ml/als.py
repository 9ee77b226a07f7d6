"""Alternating least squares. Learn factors of users and items whose products approximate the ratings.

The prediction of a rating is  g + a_u + b_i + x_u . y_i . The factors are x and y, the intercepts are a and b, and the
global intercept is g. The loss to minimise is

    sum of c_ui * (p_ui - prediction_ui)^2  +  L2_REG * (sum of all |x_u|^2, a_u^2, |y_i|^2 and b_i^2)

EXPLICIT  The sum is over the rated pairs. p is the rating, c is 1, and g is the mean rating.
IMPLICIT  The sum is over all pairs of a user and an item (Hu, Koren and Volinsky, http://yifanhu.net/PUB/cf.pdf).
          p is 1 if the rating is above 0, and otherwise 0. c is 1 + WALS_ALPHA * rating, and 1 without a rating.
          g is 0.

These are the losses in BigQuery's documentation, plus intercepts. BigQuery returns intercepts from ML.WEIGHTS and adds
them in ML.RECOMMEND, but documents no formula. Here, the intercept of a user is one more factor of the user, and the
matching factor of every item is 1. An intercept of an item is defined in the same way.

If the vectors of the items are fixed, the optimal vector of each user is the solution of a small linear system. The
reverse is true for the items. An iteration solves first the users' systems and then the items' systems, and each of
these halves lowers the loss. The factors of the items start at random numbers with a fixed seed.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.factorization import Vectors, of_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskcloud.bigquery.ml.encoding import Floats
    from deskcloud.bigquery.ml.journal import Journal
    from deskcloud.bigquery.ml.ratings import Ratings

type Watch = Callable[[float, Vectors, Vectors], float | None]
"""A function that returns the loss of the held-out pairs, or None if no pairs are held out.

Its arguments are the global intercept, the vectors of the users, and the vectors of the items.
"""

SYSTEMS = 512
"""Number of linear systems that are solved at a time. With few factors, they fit into the processor's cache."""

PAIRS = 1 << 14
"""Number of pairs that are predicted at a time."""


def train(ratings: Ratings, options: dict[str, Any], journal: Journal, watch: Watch) -> tuple[float, Vectors, Vectors]:
    """Iterate until MAX_ITERATIONS or EARLY_STOP. Return the global intercept and the vectors of users and items.

    The reported loss is the mean of c * (p - prediction)^2, without the penalty.

    Raises:
        MLError: the numbers overflow, or a linear system is singular.
    """
    problem = _problem(ratings, options)
    shape = len(ratings.item_ids), options["num_factors"]
    start = np.random.default_rng(0).standard_normal(shape) / np.sqrt(shape[1])
    items = Vectors(start, np.zeros(shape[0]))
    while True:
        users, items, loss = _iteration(problem, items, options["l2_reg"])
        stops = journal.record(loss, watch(problem.intercept, users, items))
        if stops or len(journal.iterations) == options["max_iterations"]:
            return problem.intercept, users, items


def _iteration(problem: _Problem, items: Vectors, l2: float) -> tuple[Vectors, Vectors, float]:
    """Compute new vectors of the users, and from them new vectors of the items. Return users, items and the loss."""
    loss = np.nan
    # Ignore overflows and singular systems here, because the check below reports both. An overflow makes the loss
    # infinite or NaN. After a singular system, the loss is still NaN.
    with np.errstate(over="ignore", invalid="ignore"), contextlib.suppress(np.linalg.LinAlgError):
        users = problem.by_user.solve(items, l2)
        items = problem.by_item.solve(users, l2)
        loss = problem.loss(users, items)
    if not np.isfinite(loss):
        raise MLError(
            f"The factors cannot be computed with ratings of up to {np.abs(problem.ratings.values).max():g} and "
            f"L2_REG={l2:g}: scale the ratings nearer to 1, or raise L2_REG."
        )
    return users, items, loss


def confidence(ratings: Floats, options: dict[str, Any]) -> Floats:
    """Return the weight c of each rated pair.

    Raises:
        MLError: a weight is negative.
    """
    if options["feedback_type"] == "EXPLICIT":
        return np.ones(len(ratings))
    weights: Floats = 1 + options["wals_alpha"] * ratings
    if (weights < 0).any():
        raise MLError(
            "With FEEDBACK_TYPE='IMPLICIT' a rating's weight 1 + WALS_ALPHA * rating must not be negative; it is for "
            f"{np.count_nonzero(weights < 0)} rows: give ratings of at least 0."
        )
    return weights


def preference(ratings: Floats, options: dict[str, Any]) -> Floats:
    """Return the target p of each rated pair.

    With explicit feedback, the target is the rating. With implicit feedback, the target is 1 if the rating is positive,
    and otherwise 0.
    """
    return ratings if options["feedback_type"] == "EXPLICIT" else (ratings > 0).astype(np.float64)


@dataclass(frozen=True)
class _Half:
    """The linear systems of one side: one system per user, or one per item.

    The matrices have one row per member of this side, and one column per member of the other side. `weights` holds c of
    the rated pairs, or c - 1 with implicit feedback. `pulls` holds c * (p - g). The module's docstring explains c, p
    and g. `everywhere` is true with implicit feedback, because the sums then are over all pairs.
    """

    weights: sparse.csr_array
    pulls: sparse.csr_array
    everywhere: bool

    def solve(self, other: Vectors, l2: float) -> Vectors:
        """Return the optimal vectors of this side.

        For a member of the other side, let d be its factors followed by 1, and o its intercept. The system for the
        vector v of each member of this side is  (sum c d d' + L2 I) v = sum c (p - g - o) d.  The sums run over the
        members of the other side.

        With implicit feedback, the sums for c = 1 and p = 0 are the same in every system, so they are computed once.
        For each system, only the differences that its rated pairs make are added.
        """
        design = np.column_stack([other.factors, np.ones(len(other.factors))])
        width = design.shape[1]
        leaning = other.intercepts[:, np.newaxis] * design
        common, right = l2 * np.eye(width), self.pulls @ design - self.weights @ leaning
        if self.everywhere:
            common += design.T @ design
            right -= leaning.sum(axis=0)
        solved = np.empty_like(right)
        for first in range(0, len(right), SYSTEMS):
            block = slice(first, first + SYSTEMS)
            left = self._products(block, design)
            left += common
            solved[block] = np.linalg.solve(left, right[block, :, np.newaxis])[:, :, 0]
        return Vectors(solved[:, :-1], solved[:, -1])

    def _products(self, block: slice, design: Floats) -> Floats:
        """Return the matrix sum of weight * d d' for each row of the block. The vectors d are the rows of `design`."""
        weights, width = self.weights[block], design.shape[1]
        products = np.empty((weights.shape[0], width, width))
        for column in range(width):
            # Compute all systems at once, one column at a time. Each column starts at the diagonal, because the
            # matrices are symmetric.
            part = weights @ (design[:, column, np.newaxis] * design[:, column:])
            products[:, column:, column] = products[:, column, column:] = part
        return products


@dataclass(frozen=True)
class _Problem:
    """The linear systems of both sides, and the values that the loss needs."""

    intercept: float
    by_user: _Half
    by_item: _Half
    ratings: Ratings
    weights: Floats
    targets: Floats

    def loss(self, users: Vectors, items: Vectors) -> float:
        """Return the mean of c * (p - prediction)^2 over the rated pairs, or over all pairs with implicit feedback."""
        total = 0.0
        for first in range(0, len(self.ratings), PAIRS):
            block = slice(first, first + PAIRS)
            predicted = of_pairs(users.at(self.ratings.users[block]), items.at(self.ratings.items[block]))
            total += float(self.weights[block] @ (self.targets[block] - predicted) ** 2)
            if self.by_user.everywhere:
                total -= float(predicted @ predicted)
        if not self.by_user.everywhere:
            return total / len(self.ratings)
        # The sum of all squared predictions follows from one small matrix per side, without a matrix of all pairs.
        left = np.column_stack([users.factors, users.intercepts, np.ones(len(users.factors))])
        right = np.column_stack([items.factors, np.ones(len(items.factors)), items.intercepts])
        total += float(((left.T @ left) * (right.T @ right)).sum())
        # If the fit is perfect, rounding can make the sum slightly negative.
        return max(total, 0.0) / (len(left) * len(right))


def _problem(ratings: Ratings, options: dict[str, Any]) -> _Problem:
    everywhere = options["feedback_type"] == "IMPLICIT"
    intercept = 0.0 if everywhere else float(ratings.values.mean())
    weights, targets = confidence(ratings.values, options), preference(ratings.values, options) - intercept

    def matrix(values: Floats) -> sparse.csr_array:
        shape = len(ratings.user_ids), len(ratings.item_ids)
        return sparse.csr_array((values, (ratings.users, ratings.items)), shape)

    above, pulls = matrix(weights - everywhere), matrix(weights * targets)
    by_user = _Half(above, pulls, everywhere)
    by_item = _Half(above.T.tocsr(), pulls.T.tocsr(), everywhere)
    return _Problem(intercept, by_user, by_item, ratings, weights, targets)
