"""The design matrix of a linear model. Numbers are dense columns, and categories are codes.

A model's weights are one flat vector: the intercept, one weight per numeric input, and `Category.size` weights per
categorical input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deskcloud.bigquery.ml import encoding
from deskcloud.bigquery.ml.encoding import Category, Codes, Floats, Input, Numeric

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.columns import Columns, Feature
    from deskcloud.bigquery.ml.encoding import Mask


class Design:
    """The rows of a table as the design matrix of a linear model."""

    def __init__(self, columns: Columns, features: list[Feature], inputs: tuple[Input, ...]) -> None:
        numbers: list[Floats] = []
        self.codes: list[Codes] = []
        for input_, column in encoding.columns_of(columns, features, inputs):
            if isinstance(input_, Numeric):
                numbers.append(input_.standardised(column))
            else:
                self.codes.append(input_.codes(column))
        self.numbers = np.column_stack(numbers) if numbers else np.zeros((columns.rows, 0))
        self.sizes = [input_.size for input_ in inputs if isinstance(input_, Category)]

    def split(self, flat: Floats) -> tuple[float, list[Floats]]:
        """Return the intercept, and the weights of the numbers and of each category."""
        edges = np.cumsum([1, self.numbers.shape[1], *self.sizes])
        return float(flat[0]), np.split(flat[1:], edges[1:-1] - 1)

    def times(self, flat: Floats) -> Floats:
        """Return the margin of each row, which is the intercept plus the weights times the inputs."""
        intercept, weights = self.split(flat)
        result: Floats = self.numbers @ weights[0] + intercept
        for of_category, codes in zip(weights[1:], self.codes, strict=True):
            result += of_category[codes]
        return result

    def gradient(self, residuals: Floats) -> Floats:
        """Return the sum over the rows of `residuals` times the inputs, for each weight."""
        return self._sums(self.numbers, residuals)

    def curvature(self, slopes: Floats) -> Floats:
        """Return the diagonal of the Hessian. `slopes` holds the second derivative of each row's loss."""
        return self._sums(np.square(self.numbers), slopes)

    def _sums(self, numbers: Floats, of_rows: Floats) -> Floats:
        categories = (
            np.bincount(codes, of_rows, minlength=size) for codes, size in zip(self.codes, self.sizes, strict=True)
        )
        return np.concatenate([[of_rows.sum()], numbers.T @ of_rows, *categories])


def learnable(inputs: tuple[Input, ...], *, fit_intercept: bool) -> Mask:
    """Return a mask that is True for each weight that is learned.

    The other weights are always 0: the weights of unseen categories and of those that DUMMY_ENCODING leaves out.
    """
    categories = [input_ for input_ in inputs if isinstance(input_, Category)]
    masks = [np.array([fit_intercept]), np.ones(len(inputs) - len(categories), np.bool_)]
    for category in categories:
        mask = np.ones(category.size, np.bool_)
        mask[[encoding.UNSEEN] if category.dropped is None else [encoding.UNSEEN, category.dropped]] = False
        masks.append(mask)
    return np.concatenate(masks)


def cardinality(inputs: tuple[Input, ...]) -> int:
    """Return the number of columns that the inputs take in a design matrix, without the intercept."""
    return sum(
        len(input_.vocabulary) + (input_.null_count > 0) if isinstance(input_, Category) else 1 for input_ in inputs
    )
