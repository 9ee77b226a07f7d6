"""Encode columns for training. The encoding of NULL and of categories depends only on the training rows.

Each feature becomes one input. The exception is a TIMESTAMP, which becomes eight inputs: the seconds since 1970 and
seven calendar parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml.columns import CATEGORICAL, NUMERIC, Columns, Feature, as_categories
from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[Any]
"""A classifier's labels are True for the rows of the positive class. A regressor's labels are float64."""

UNSEEN = 0
"""The code of a category that does not occur in the training rows.

The categories of the vocabulary have the codes 1 to n, and NULL has the code n + 1.
"""

NULL_CATEGORY = "_null_filler"
"""The name of NULL among the categories of ML.WEIGHTS. Google does not document it, but BigQuery returns it."""


@dataclass(frozen=True)
class Numeric:
    """A numeric input. NULL becomes the mean of the training rows. `stddev` is the sample standard deviation."""

    name: str
    feature: int
    mean: float
    stddev: float

    @classmethod
    def fit(cls, name: str, feature: int, column: pa.ChunkedArray) -> Numeric:
        """Compute the mean and the standard deviation. Both are 0 for a column of NULLs, which then has no effect."""
        _refuse_non_finite(name, column)
        mean, stddev = pc.mean(column).as_py(), pc.stddev(column, ddof=1).as_py()
        return cls(name, feature, mean or 0.0, stddev or 0.0)

    def values(self, column: pa.ChunkedArray) -> Floats:
        """Return the column as float64. NULL becomes the mean of the training rows."""
        _refuse_non_finite(self.name, column)
        values: Floats = (pc.fill_null(column, self.mean) if column.null_count else column).to_numpy()
        return values

    def standardised(self, column: pa.ChunkedArray) -> Floats:
        """Standardise the column by the mean and the standard deviation of the training rows.

        A column that is constant in the training rows becomes 0.
        """
        return (self.values(column) - self.mean) / (self.stddev or np.inf)


@dataclass(frozen=True)
class Category:
    """A categorical input. The vocabulary is sorted. `null_count` is the number of NULLs in the training rows."""

    name: str
    feature: int
    vocabulary: tuple[str, ...]
    null_count: int
    dropped: int | None = None
    """The code of the category that DUMMY_ENCODING leaves out.

    It is the most frequent category, or the first if several are equally frequent.
    """

    @classmethod
    def fit(cls, name: str, feature: int, column: pa.DictionaryArray, *, dummy: bool) -> Category:
        """Build the vocabulary. If `dummy`, choose the category that DUMMY_ENCODING leaves out."""
        used = column.dictionary.take(pc.unique(column.indices).drop_null())
        vocabulary = tuple(sorted(used.to_pylist()))
        if NULL_CATEGORY in vocabulary:
            raise MLError(f"Feature column {name!r} has the value {NULL_CATEGORY!r}, which represents NULL: use NULL.")
        fitted = cls(name, feature, vocabulary, column.null_count)
        return replace(fitted, dropped=int(np.bincount(fitted.codes(column)).argmax())) if dummy else fitted

    @property
    def size(self) -> int:
        """Return the number of codes. There is one for unseen categories, one per known category, and one for NULL."""
        return len(self.vocabulary) + 2

    @property
    def null(self) -> int:
        """Return the code of NULL."""
        return len(self.vocabulary) + 1

    def codes(self, column: pa.DictionaryArray) -> Codes:
        """Return the code of each row."""
        known = pc.index_in(column.dictionary, value_set=pa.array(self.vocabulary, pa.string()))
        of_name = np.append(pc.fill_null(known, -1).to_numpy() + 1, self.null).astype(np.int32)
        codes: Codes = of_name[pc.fill_null(column.indices, len(column.dictionary)).to_numpy()]
        return codes


Input = Numeric | Category


@dataclass(frozen=True)
class Rows:
    """Rows for training or evaluation: the features, the labels, and a weight per row."""

    columns: Columns
    labels: Labels
    weights: Floats


def _refuse_non_finite(name: str, column: pa.ChunkedArray) -> None:
    if not pc.all(pc.is_finite(column), min_count=0).as_py():
        raise MLError(
            f"Feature column {name!r} has NaN or infinite values, which cannot be used in training: make them NULL, "
            "for example with IF(IS_NAN(x) OR IS_INF(x), NULL, x)."
        )


def choose_features(columns: Columns, excluded: Iterable[str], *, timestamps: bool) -> list[Feature]:
    """Return all columns except the excluded ones, in the table's order. If `timestamps`, a feature may be a TIMESTAMP.

    Raises:
        MLError: a column's type cannot be a feature, or there is no feature.
    """
    without = {name.lower() for name in excluded}
    features = [feature for feature in columns.expanded if feature.name.lower() not in without]
    for feature in features:
        if feature.type == "TIMESTAMP" and not timestamps:
            raise MLError(
                f"Feature column {feature.name!r} is TIMESTAMP, which boosted trees do not take here: "
                "give UNIX_SECONDS(...) and EXTRACT(... FROM ...) instead."
            )
        if feature.type not in NUMERIC | CATEGORICAL | {"TIMESTAMP"}:
            raise MLError(
                f"Feature column {feature.name!r} is {feature.type}, which cannot be a feature: "
                "leave it out with SELECT * EXCEPT(...) or turn it into numbers, strings or dates."
            )
    if not features:
        raise MLError("The query gives no feature column: select at least one besides the label.")
    return features


def fit(columns: Columns, features: list[Feature], *, dummy: bool = False) -> tuple[Input, ...]:
    """Fit the inputs of the features on the training rows. If `dummy`, use DUMMY_ENCODING."""
    return tuple(
        Numeric.fit(name, index, column)
        if pa.types.is_floating(column.type)
        else Category.fit(name, index, column, dummy=dummy)
        for index, feature in enumerate(features)
        for name, column in _inputs(columns, feature)
    )


def columns_of(columns: Columns, features: list[Feature], inputs: tuple[Input, ...]) -> Iterable[tuple[Input, Any]]:
    """Yield each input with its column, a ChunkedArray of float64 for Numeric or a DictionaryArray for Category."""
    pairs = (pair for feature in features for pair in _inputs(columns, feature))
    for input_, (_, column) in zip(inputs, pairs, strict=True):
        yield input_, column


def _inputs(columns: Columns, feature: Feature) -> Iterable[tuple[str, Any]]:
    if feature.type in NUMERIC:
        yield feature.name, columns.numbers(feature)
    elif feature.type in CATEGORICAL:
        yield feature.name, columns.categories(feature)
    else:
        at = columns.values(feature)
        yield feature.name, pc.divide(at.cast(pa.int64()).cast(pa.float64()), 1e6)
        for part, extract in _CALENDAR.items():
            yield f"_TS_{part}_{feature.name}", as_categories(extract(at))


_CALENDAR: dict[str, Callable[[Any], Any]] = {
    "DOM": pc.day,
    "DOW": lambda at: pc.day_of_week(at, count_from_zero=False, week_start=7),
    "MOY": pc.month,
    "HOD": pc.hour,
    "MOH": pc.minute,
    # This is the same as EXTRACT(WEEK). Weeks begin on Sunday, and days before the first Sunday are in week 0.
    "WOY": lambda at: pc.week(at, week_starts_monday=False, count_from_zero=True, first_week_is_fully_in_year=True),
    "YEAR": pc.year,
}
