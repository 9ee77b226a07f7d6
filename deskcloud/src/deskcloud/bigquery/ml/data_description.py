"""Compute ML.DESCRIBE_DATA, which returns statistics of each column of a table or query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml import distributions
from deskcloud.bigquery.ml.columns import Columns
from deskcloud.bigquery.ml.monitoring import check_number

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.distributions import Values
    from deskcloud.bigquery.ml.encoding import Floats

DESCRIBED = pa.schema(
    {
        "name": pa.string(),
        "num_rows": pa.int64(),
        "num_nulls": pa.int64(),
        "num_zeros": pa.int64(),
        "min": pa.string(),
        "max": pa.string(),
        "mean": pa.float64(),
        # The documentation says stdev, but BigQuery returns stddev.
        "stddev": pa.float64(),
        "median": pa.float64(),
        "quantiles": pa.list_(pa.float64()),
        "unique": pa.int64(),
        "avg_string_length": pa.float64(),
        "num_values": pa.int64(),
        "top_values": pa.list_(pa.struct({"value": pa.string(), "count": pa.int64()})),
        "min_array_length": pa.int64(),
        "max_array_length": pa.int64(),
        "avg_array_length": pa.float64(),
        "total_array_length": pa.int64(),
        "array_length_quantiles": pa.list_(pa.int64()),
        "dimension": pa.int64(),
    }
)


def describe_data(
    rows: pa.Table, num_quantiles: int = 2, num_array_length_quantiles: int = 10, top_k: int = 1
) -> pa.Table:
    """Return ML.DESCRIBE_DATA, with one row per column, sorted by name. Quantiles and distinct counts are exact."""
    check_number("num_quantiles", num_quantiles, 100_000)
    check_number("num_array_length_quantiles", num_array_length_quantiles, 100_000)
    check_number("top_k", top_k, 10_000)
    columns = Columns(rows)
    described = []
    for feature in sorted(columns.expanded, key=lambda one: one.name):
        values = distributions.values(columns, feature)
        row = {"name": feature.name, "num_rows": columns.rows, "num_nulls": values.null_count, **_EMPTY}
        if values.texts is not None:
            row |= _of_texts(values.texts) | {"top_values": _top(values, top_k)}
        if values.numbers is not None:
            row |= _of_numbers(values.numbers, num_quantiles)
        described.append(row | _of_arrays(values, num_array_length_quantiles))
    return pa.Table.from_pylist(described, DESCRIBED)


# BigQuery returns these values for columns that have no such statistic. The documentation says NULL.
_EMPTY: dict[str, Any] = {"quantiles": [], "top_values": [], "array_length_quantiles": []}


def _of_numbers(numbers: Floats, num_quantiles: int) -> dict[str, Any]:
    counts: dict[str, Any] = {"num_values": len(numbers), "num_zeros": int((numbers == 0).sum())}
    if not len(numbers):
        return counts
    nan = int(np.isnan(numbers).sum())
    # GoogleSQL sorts NaN first. MIN and MAX of a column with NaN are NaN.
    ordered = np.roll(np.sort(numbers), nan)
    with np.errstate(invalid="ignore"):
        mean, stddev = float(numbers.mean()), float(numbers.std())
    return counts | {
        "min": _cast(float(ordered[0])),
        "max": _cast(float(ordered[0] if nan else ordered[-1])),
        "mean": mean,
        "stddev": stddev,
        "median": float(distributions.quantiles(ordered, 2)[1]),
        "quantiles": distributions.quantiles(ordered, num_quantiles).tolist(),
    }


def _cast(number: float) -> str:
    """Return CAST(number AS STRING), with 15 digits, or with 17 digits if 15 lose precision."""
    if np.isnan(number):
        return "NaN"
    # Adding 0.0 turns -0.0 into 0.0.
    short = f"{number + 0.0:.15g}"
    return short if float(short) == number else f"{number:.17g}"


def _of_texts(texts: pa.ChunkedArray) -> dict[str, Any]:
    extremes = pc.min_max(texts).as_py()
    return {
        "num_values": len(texts),
        "min": extremes["min"],
        "max": extremes["max"],
        "unique": len(pc.unique(texts)),
        "avg_string_length": pc.mean(pc.utf8_length(texts)).as_py(),
    }


def _top(values: Values, top_k: int) -> list[dict[str, Any]]:
    return [{"value": text, "count": count} for text, count in values.most_frequent(top_k)]


def _of_arrays(values: Values, quantiles: int) -> dict[str, Any]:
    if values.lengths is None:
        return {}
    # BigQuery stores a NULL array as an empty array.
    lengths = np.sort(pc.fill_null(values.lengths, 0).to_numpy())
    found: dict[str, Any] = {"total_array_length": int(lengths.sum())}
    if len(lengths):
        found |= {
            "min_array_length": int(lengths[0]),
            "max_array_length": int(lengths[-1]),
            "avg_array_length": float(lengths.mean()),
            "array_length_quantiles": distributions.quantiles(lengths, quantiles).tolist(),
        }
    greatest = pc.max(values.indices).as_py() if values.indices is not None else None
    return found | {"dimension": None if greatest is None else greatest + 1}
