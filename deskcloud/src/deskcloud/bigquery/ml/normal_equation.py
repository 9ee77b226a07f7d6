"""Solve linear regression in closed form, by the normal equations.

The weights minimise  sum_i (label_i - prediction_i)^2 / 2  +  L2_REG / 2 * |w|^2. With L2_REG = 0, there are several
solutions for one-hot categories, because the indicators of a feature add up to 1, like the intercept's column. The
result is then the solution whose weights have the smallest norm. It is the limit of the solutions for L2_REG towards 0.
All solutions give the same predictions.

https://mathworld.wolfram.com/NormalEquation.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.design import Design
    from deskcloud.bigquery.ml.encoding import Floats, Mask

SINGULAR = 1e-12
"""An eigenvalue below this share of the largest eigenvalue counts as 0: its direction has no effect on predictions."""


def solve(design: Design, labels: Floats, learned: Mask, l2: float) -> Floats:
    """Return the flat vector of weights, the intercept first. `learned` is True for each weight that is learned."""
    inputs = _matrix(design)[:, learned[1:]]
    products = (inputs.T @ inputs).toarray()
    center, means = 0.0, np.zeros(len(products))
    if learned[0]:
        # The intercept has no penalty. So it follows from the other weights and the means of labels and inputs.
        center, means = float(labels.mean()), inputs.mean(axis=0)
        products -= np.outer(means, means) * len(labels)
    values, directions = np.linalg.eigh(products)
    values[values < SINGULAR * values.max(initial=0)] = 0
    shares = directions.T @ (inputs.T @ (labels - center))
    total = values + l2
    weights = directions @ np.divide(shares, total, out=np.zeros(len(total)), where=(values > 0))
    flat = np.zeros(len(learned))
    flat[1:][learned[1:]] = weights
    flat[0] = center - means @ weights
    return flat


def _matrix(design: Design) -> Any:
    """Return the design matrix without the column of the intercept, as a sparse array."""
    rows = len(design.numbers)
    indicators = [
        sparse.csr_array((np.ones(rows), codes, np.arange(rows + 1)), shape=(rows, size))
        for codes, size in zip(design.codes, design.sizes, strict=True)
    ]
    return sparse.hstack([sparse.csr_array(design.numbers), *indicators], format="csr")
