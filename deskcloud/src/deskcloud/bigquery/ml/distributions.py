"""Summarise columns as TensorFlow Data Validation does, and compute the distance of two distributions.

BigQuery's monitoring functions compare such summaries and not the values. deskcloud/docs/model-monitoring.md says which
of BigQuery's results the summaries of this module reproduce. "TFDV" is https://github.com/tensorflow/data-validation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml.columns import CATEGORICAL, NUMERIC, Columns, Feature, bigquery_type
from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deskcloud.bigquery.ml.encoding import Floats

HISTOGRAM_BUCKETS = 10
RANKS = 50
_QUANTILES_PER_BUCKET = 100
# TFDV counts this text in place of each value that is not UTF-8. Source: NON_UTF8_PLACEHOLDER in TFDV's constants.py.
_NO_UTF8 = "__BYTES_VALUE__"
_TEXTUAL = CATEGORICAL | {"TIMESTAMP"}


@dataclass(frozen=True)
class Numbers:
    """A histogram of the finite values, and the numbers of infinite values and of NaN.

    edges: the edges of the buckets of equal width, from the least to the greatest value, or [x, x] if all values are x
    counts: the number of values in each bucket, which is estimated from quantiles and need not be whole
    """

    edges: list[float]
    counts: list[float]
    infinite: int = 0
    nan: int = 0

    @property
    def is_point(self) -> bool:
        """Return whether all finite values are equal."""
        return bool(self.edges) and self.edges[0] == self.edges[-1]

    @property
    def total(self) -> float:
        """Return the number of values."""
        return sum(self.counts) + self.infinite + self.nan

    def over(self, edges: Floats) -> list[float]:
        """Return the counts for other bucket edges, which must include all edges of this histogram.

        The values of a bucket are taken to be uniformly distributed. The counts are 0 if this histogram has no bucket
        of positive width.
        """
        if self.is_point or not self.edges:
            return [0.0] * max(len(edges) - 1, 0)
        below = np.interp(edges, self.edges, np.concatenate(([0.0], np.cumsum(self.counts))))
        counts: list[float] = np.diff(below).tolist()
        return counts


@dataclass(frozen=True)
class Categories:
    """The most frequent values with their counts, the most frequent value first."""

    ranks: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return the number of values in these categories."""
        return sum(self.ranks.values())


type Distribution = Numbers | Categories


@dataclass(frozen=True)
class Values:
    """The values of a column without NULL, as numbers or as texts. Arrays are unnested.

    lengths: the length of each array, or None if the column is no array
    indices: the indices of a sparse array, ARRAY<STRUCT<INT64, number>>, or None for other columns
    """

    numbers: Floats | None
    texts: pa.ChunkedArray | None
    null_count: int
    lengths: pa.ChunkedArray | None = None
    indices: pa.ChunkedArray | None = None

    def distribution(self, buckets: int = HISTOGRAM_BUCKETS, ranks: int = RANKS) -> Distribution:
        """Return the distribution of the values, with at most `buckets` buckets or `ranks` categories."""
        if self.numbers is not None:
            return _histogram(self.numbers, buckets)
        return Categories(dict(self.most_frequent(ranks)))

    def most_frequent(self, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent texts and their counts.

        If two counts are equal, the greater text comes first, as in TFDV.
        """
        counted = pc.value_counts(self.texts)
        pairs = zip(counted.field("counts").to_pylist(), counted.field("values").to_pylist(), strict=True)
        return [(text, count) for count, text in sorted(pairs, reverse=True)[:limit]]


def values(columns: Columns, feature: Feature) -> Values:
    """Return the values of a column.

    Raises:
        MLError: BigQuery's monitoring functions do not support the column's type.
    """
    column, lengths, indices = columns[feature.name], None, None
    if feature.type == "ARRAY":
        lengths = pc.list_value_length(column)
        column = pc.list_flatten(column)
        if pa.types.is_struct(column.type):
            indices, column = _sparse(feature, column)
    type_ = bigquery_type(column.type)
    known, nulls = column.drop_null(), column.null_count
    if type_ in NUMERIC:
        numbers = known.cast(pa.float64(), safe=False).to_numpy()
        return Values(numbers, None, nulls, lengths, indices)
    if type_ not in _TEXTUAL:
        raise MLError(
            f"Column {feature.name!r} holds {type_}, for which BigQuery computes no statistics: "
            "leave it out with SELECT * EXCEPT(...) or cast it."
        )
    return Values(None, _texts(known, type_), nulls, lengths)


def _sparse(feature: Feature, column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    types = [bigquery_type(one.type) for one in column.type.fields]
    if len(types) != 2 or types[0] != "INT64" or types[1] not in NUMERIC:
        raise MLError(
            f"Column {feature.name!r} is an ARRAY<STRUCT<{', '.join(types)}>>; of structs, BigQuery takes only "
            "ARRAY<STRUCT<INT64, number>>: leave the column out with SELECT * EXCEPT(...)."
        )
    indices, numbers = (pa.chunked_array(one) for one in zip(*(c.flatten() for c in column.chunks), strict=True))
    return indices, numbers


def _texts(column: pa.ChunkedArray, type_: str) -> pa.ChunkedArray:
    """Return CAST(... AS STRING). BYTES that are not valid UTF-8 become TFDV's placeholder."""
    if type_ == "BYTES":
        return pa.chunked_array([pa.array(map(_decoded, column.to_pylist()), pa.string())])
    texts = column.cast(pa.string())
    if type_ in {"DATETIME", "TIME", "TIMESTAMP"}:
        # Of a fraction of a second, BigQuery writes 0, 3 or 6 digits, as few as suffice. It writes UTC as +00.
        texts = pc.replace_substring_regex(texts, r"(\.000000|000)(Z?)$", r"\2")
        texts = pc.replace_substring_regex(texts, r"Z$", "+00")
    return texts


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _NO_UTF8


def quantiles[T: np.number](ordered: npt.NDArray[T], number: int) -> npt.NDArray[T]:
    """Return the least value, `number - 1` quantiles, and the greatest value of `ordered`, which must be sorted.

    A quantile is the first value whose rank (from 1) reaches the quantile's share of the number of values.
    """
    ranks = np.ceil(np.arange(number + 1) * len(ordered) / number).astype(np.int64)
    return ordered[np.maximum(ranks - 1, 0)]


def _histogram(numbers: Floats, buckets: int) -> Numbers:
    """Return the histogram that TFDV computes from quantiles, with 100 quantiles per bucket.

    A value that equals an edge is counted in the bucket below. TFDV's code counts some such values above the edge, but
    BigQuery's histograms do not.

    Source: generate_equi_width_buckets in TFDV's utils/quantiles_util.py.
    """
    nan = int(np.isnan(numbers).sum())
    finite = np.sort(numbers[np.isfinite(numbers)])
    infinite = len(numbers) - nan - len(finite)
    if not len(finite):
        return Numbers([], [], infinite, nan)
    low, high = float(finite[0]), float(finite[-1])
    if low == high:
        return Numbers([low, high], [float(len(finite))], infinite, nan)
    points = quantiles(finite, buckets * _QUANTILES_PER_BUCKET)
    edges = low + np.arange(buckets + 1) * ((high - low) / buckets)
    edges[-1] = high
    after = np.searchsorted(points, edges[1:-1], side="right")
    share = (edges[1:-1] - points[after - 1]) / (points[after] - points[after - 1])
    below = np.concatenate(([0.0], after - 1 + share, [len(points) - 1.0])) * (len(finite) / (len(points) - 1))
    return Numbers(edges.tolist(), np.diff(below).tolist(), infinite, nan)


def l_infinity(base: Categories, study: Categories) -> float:
    """Return the largest difference between the shares that a category has in `base` and in `study`.

    Source: MaxNormalizedDifference in TFDV's anomalies/metrics.cc.
    """
    shares = [{name: count / one.total for name, count in one.ranks.items()} for one in (base, study)]
    names = base.ranks.keys() | study.ranks.keys()
    return max((abs(shares[0].get(name, 0.0) - shares[1].get(name, 0.0)) for name in names), default=0.0)


def jensen_shannon(base: Distribution, study: Distribution) -> float | None:
    """Return the Jensen-Shannon divergence in bits, from 0 to 1.

    The result is None if a distribution is empty, or if only one of the two is numeric.

    Source: JensenShannonDivergence in TFDV's anomalies/metrics.cc.
    """
    if not base.total or not study.total:
        return None
    if isinstance(base, Categories) and isinstance(study, Categories):
        names = sorted(base.ranks.keys() | study.ranks.keys())
        return divergence(*([float(one.ranks.get(name, 0)) for name in names] for one in (base, study)))
    if isinstance(base, Numbers) and isinstance(study, Numbers):
        return divergence(*aligned(base, study))
    return None


def aligned(base: Numbers, study: Numbers) -> tuple[list[float], list[float]]:
    """Return the counts of both histograms in common buckets.

    If all finite values of a histogram are equal, they form a separate bucket. Both histograms share this bucket only
    if all finite values of both are equal. Infinite values and NaN never share a bucket with the other histogram.

    Source: AlignHistograms in TFDV's anomalies/metrics.cc.
    """
    both = (base, study)
    edges = np.unique([edge for one in both if not one.is_point for edge in one.edges])
    points = sorted({one.edges[0] for one in both if one.is_point})
    counts = [
        one.over(edges) + [sum(one.counts) * (one.is_point and one.edges[0] == x) for x in points] for one in both
    ]
    alone = [float(base.infinite), float(base.nan)], [float(study.infinite), float(study.nan)]
    return counts[0] + alone[0] + [0.0, 0.0], counts[1] + [0.0, 0.0] + alone[1]


def divergence(base: Sequence[float], study: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence of two lists of counts, in bits, from 0 to 1."""
    p, q = (np.asarray(one) / sum(one) for one in (base, study))
    middle = (p + q) / 2
    from_middle = [(one[one > 0] * np.log2(one[one > 0] / middle[one > 0])).sum() for one in (p, q)]
    return min(float(sum(from_middle)) / 2, 1.0)
