"""Sort the rows, and split them into training rows and evaluation rows by DATA_SPLIT_METHOD."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml.columns import NUMERIC, Columns, Feature, as_categories, bigquery_type
from deskcloud.bigquery.ml.errors import MLError

Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

NO_HOLDOUT_BELOW = 500
HOLDOUT_CAPPED_ABOVE = 50_000
HOLDOUT_CAP = 10_000
DEFAULT_FRACTION = 0.2

_ORDERED = {"INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "STRING", "TIMESTAMP", "DATE", "DATETIME", "TIME"}


def in_order(rows: pa.Table) -> pa.Table:
    """Return the rows sorted by fingerprint, so that the same rows train the same model in any query order.

    Without the sorting, a model would depend on the query's order: the order of the rows affects sums of floats, and
    which rows SUBSAMPLE chooses.
    """
    return rows.take(pa.array(np.argsort(fingerprints(Columns(rows)))))


def evaluation_rows(columns: Columns, options: dict[str, Any]) -> Mask:
    """Return a mask of the evaluation rows. All entries are False if no rows are held out.

    The rows must be sorted by `in_order`.
    """
    method, fraction = options["data_split_method"], options["data_split_eval_fraction"]
    if method == "CUSTOM":
        return _custom(columns, options["data_split_col"])
    if method == "SEQ":
        return _sequential(columns, options["data_split_col"], fraction or DEFAULT_FRACTION)
    if method == "NO_SPLIT":
        return np.zeros(columns.rows, np.bool_)
    return _random(columns, holdout_size(columns.rows, fraction))


def holdout_size(rows: int, fraction: float | None) -> int:
    """Return the number of evaluation rows: `fraction` of the rows. If `fraction` is None, use AUTO_SPLIT's rule."""
    if fraction is not None:
        return round(rows * fraction)
    if rows < NO_HOLDOUT_BELOW:
        return 0
    return HOLDOUT_CAP if rows > HOLDOUT_CAPPED_ABOVE else round(rows * DEFAULT_FRACTION)


def _custom(columns: Columns, name: str) -> Mask:
    column = _split_column(columns, name)
    if not pa.types.is_boolean(column.type):
        raise MLError(
            f"DATA_SPLIT_COL {name!r} is {bigquery_type(column.type)}; CUSTOM needs a BOOL column, "
            "FALSE for training, TRUE or NULL for evaluation."
        )
    mask: Mask = pc.fill_null(column, fill_value=True).to_numpy()
    return mask


def _sequential(columns: Columns, name: str, fraction: float) -> Mask:
    """Return a mask of the last rows in the order of the column. Rows with NULL are training rows.

    All rows that equal the first evaluation row in this column are evaluation rows too.
    """
    column = _split_column(columns, name)
    if bigquery_type(column.type) not in _ORDERED:
        raise MLError(
            f"DATA_SPLIT_COL {name!r} is {bigquery_type(column.type)}; SEQ needs a number, STRING, date or time."
        )
    known = column.drop_null()
    # NULLs come first in the order and are always training rows, even if the evaluation share would include them.
    position = max(columns.rows - round(columns.rows * fraction) - column.null_count, 0)
    if position >= len(known):
        return np.zeros(columns.rows, np.bool_)
    threshold = known[pc.sort_indices(known)[position].as_py()]
    mask: Mask = pc.fill_null(pc.greater_equal(column, threshold), fill_value=False).to_numpy()
    return mask


def _split_column(columns: Columns, name: str) -> pa.ChunkedArray:
    if name not in columns:
        raise MLError(f"DATA_SPLIT_COL {name!r} is not in the query's result, which has: {columns.names}.")
    return columns[name]


def _random(columns: Columns, size: int) -> Mask:
    """Return a mask of the `size` rows with the smallest fingerprints. They come first, because the rows are sorted."""
    return np.arange(columns.rows) < size


def fingerprints(columns: Columns) -> Hashes:
    """Return a hash of each row.

    The hash depends on the values, on the columns' names and types, and on the number of earlier copies of the row.

    Without the number of earlier copies, either all copies of a row would be training rows, or all would be evaluation
    rows. BigQuery uses another hash function, FARM_FINGERPRINT.
    """
    total = np.zeros(columns.rows, np.uint64)
    for position, feature in enumerate(columns.expanded):
        seed = _seed(f"{position} {feature.name} {feature.type}")
        total = (total + (_hash_column(columns[feature.name], feature) ^ seed)) * _ODD
        total ^= total >> np.uint64(32)
    return _mix(total + _mix(_occurrence(total)))


def _hash_column(column: pa.ChunkedArray, feature: Feature) -> Hashes:
    if feature.type in NUMERIC and not pa.types.is_null(column.type):
        wide = column.cast(pa.int64() if feature.type == "INT64" else pa.float64())
        hashes: Hashes = pc.fill_null(wide, 0).to_numpy().view(np.uint64)
    elif feature.type in {"ARRAY", "GEOGRAPHY"} or pa.types.is_nested(column.type):
        hashes = np.array([_seed(repr(value)) for value in column.to_pylist()], np.uint64)
    else:
        names = as_categories(column)
        of_distinct = np.array([*map(_seed, names.dictionary.to_pylist()), _NULL], np.uint64)
        hashes = of_distinct[pc.fill_null(names.indices, len(names.dictionary)).to_numpy()]
    if column.null_count:
        hashes = np.where(pc.is_null(column).to_numpy(), _NULL, hashes)
    return hashes


def _occurrence(hashes: Hashes) -> Hashes:
    """Number the occurrences of each value from 0. Equal rows are interchangeable, so their order does not matter."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    run = np.arange(len(hashes)) - np.repeat(starts, np.diff(np.r_[starts, len(hashes)]))
    count = np.empty(len(hashes), np.uint64)
    count[order] = run
    return count


def _seed(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def _mix(values: Hashes) -> Hashes:
    """Mix the bits of each value, with the last step of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_ODD = np.uint64(0x9E3779B97F4A7C15)
_NULL = _seed("NULL")
