"""Read ratings for matrix factorization: users, items and values.

BigQuery does not document how it treats NULLs and duplicate pairs. Here, both are errors. A rating without a user or an
item has no meaning. For two ratings of the same pair, no rule says which rating is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml.columns import ARROW, NUMERIC, Feature
from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.columns import Columns
    from deskcloud.bigquery.ml.encoding import Floats

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ratings:
    """Distinct rated pairs, sorted by user and then item, so that the order of the rows does not matter.

    `users` and `items` hold positions in `user_ids` and `item_ids`. These ids are distinct. In the result of `read`,
    they are in ascending order.
    """

    user_ids: pa.Array
    item_ids: pa.Array
    users: Codes
    items: Codes
    values: Floats

    def __len__(self) -> int:
        return len(self.values)


def feature(columns: Columns, option: str, name: str) -> Feature:
    """Return the user column or the item column. `option` is USER_COL or ITEM_COL, and `name` its value.

    Raises:
        MLError: the column is missing, or GROUP BY does not accept its type.
    """
    return _named(columns, option, name, frozenset(ARROW))


def rating(columns: Columns, name: str) -> Feature:
    """Return the column that RATING_COL names.

    Raises:
        MLError: the column is missing or not numeric.
    """
    return _named(columns, "RATING_COL", name, NUMERIC)


def _named(columns: Columns, option: str, name: str, types: frozenset[str]) -> Feature:
    found = next((each for each in columns.expanded if each.name.lower() == name.lower()), None)
    if found is None:
        raise MLError(
            f"{option} {name!r} is not in the query's result, which has: {columns.names}. Give a column this name."
        )
    if found.type not in types:
        raise MLError(f"{option} {name!r} is {found.type}; it must be one of {', '.join(sorted(types))}: cast it.")
    return found


def read(columns: Columns, user: Feature, item: Feature, rating: Feature) -> Ratings:
    """Return the ratings in three columns.

    Raises:
        MLError: a column is missing or has another type, a value is NULL, a rating is not finite, or a pair occurs
            twice.
    """
    values = _values(columns, rating)
    user_ids, users = _encoded(columns, user)
    item_ids, items = _encoded(columns, item)
    pairs = users * len(item_ids) + items
    order = np.argsort(pairs)
    if doubles := np.count_nonzero(np.diff(pairs[order]) == 0):
        raise MLError(
            f"{doubles} rows repeat the {user.name!r} and {item.name!r} of another row: give each pair once, "
            f"for example with SUM({rating.name}) and GROUP BY {user.name}, {item.name}."
        )
    return Ratings(user_ids, item_ids, users[order], items[order], values[order])


def _values(columns: Columns, rating: Feature) -> Floats:
    column = columns.values(rating, "Rating")
    _refuse_nulls(column, rating.name)
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).all():
        raise MLError(f"Rating column {rating.name!r} has NaN or infinite values: leave them out.")
    return values


def _encoded(columns: Columns, side: Feature) -> tuple[pa.Array, Codes]:
    """Return the distinct ids in ascending order, and the position of each row's id among them."""
    column = as_ids(columns.values(side, "Id"))
    _refuse_nulls(column, side.name)
    distinct = pc.unique(column)
    ids = distinct.take(pc.array_sort_indices(distinct))
    return ids, positions(column, ids)


def as_ids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace -0.0 by 0.0, because GROUP BY treats the two values as equal."""
    return pc.add(column, 0.0) if pa.types.is_floating(column.type) else column


def positions(column: pa.ChunkedArray | pa.Array, ids: pa.Array) -> Codes:
    """Return, for each value of `column`, its position in `ids`, or -1 if `ids` does not contain the value."""
    found: Codes = pc.fill_null(pc.index_in(column, value_set=ids), -1).to_numpy().astype(np.int64)
    return found


def _refuse_nulls(column: pa.ChunkedArray, name: str) -> None:
    if column.null_count:
        raise MLError(f"Column {name!r} has {column.null_count} NULLs: leave them out with WHERE {name} IS NOT NULL.")
