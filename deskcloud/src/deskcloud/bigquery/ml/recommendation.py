"""Compute ML.RECOMMEND, ML.EVALUATE and ML.WEIGHTS of a matrix factorization."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deskcloud.bigquery.ml import metrics, rating_metrics, ratings
from deskcloud.bigquery.ml.columns import Columns, Feature, as_strings
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.factorization import Factorization, Side, of_all, of_pairs
from deskcloud.bigquery.ml.prediction import beside

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.ratings import Codes, Ratings

MOST_ROWS = 50_000_000
"""Maximum number of returned rows. More rows would not fit into a laptop's memory."""

GLOBAL_INTERCEPT = "global__INTERCEPT__"

_BLOCK = 1 << 20


def all_users(model: Factorization) -> pa.Table:
    """Return the rows for a call of ML.RECOMMEND without rows: all users that occur in the training rows.

    ML.RECOMMEND then returns all pairs of these users and the items that occur in the training rows.
    """
    return pa.table({model.users.feature.name: model.users.ids})


def recommend(model: Factorization, rows: pa.Table) -> pa.Table:
    """Return ML.RECOMMEND, which has the prediction, then the user and the item.

    The prediction is `predicted_<rating>`, or `predicted_<rating>_confidence` with implicit feedback.

    If `rows` has a user column and an item column, all columns of `rows` follow the prediction. If `rows` has only one
    of the two, it must have no other column. Each user of `rows` is then combined with all items of the training, or
    each item of `rows` with all users of the training. The added ids have the types that they had in the training rows.
    For an id that does not occur in the training rows, the factors and the intercept are 0.

    Raises:
        MLError: `rows` has neither a user column nor an item column. Or `rows` has only one of the two, but also a
            column of another name. Or all combinations would be more than MOST_ROWS rows.
    """
    columns = Columns(rows)
    sides = (model.users, model.items)
    given = [side for side in sides if side.feature.name in columns]
    name = f"predicted_{model.label}" + ("_confidence" if model.is_implicit else "")
    if not given:
        names = " nor ".join(repr(side.feature.name) for side in sides)
        raise MLError(f"ML.RECOMMEND: the input has neither {names}, but {columns.names}: select one or both.")
    if len(given) == 2:
        users, items = (side.of(_ids(columns, side.feature)) for side in sides)
        return beside(pa.table({name: of_pairs(users, items) + model.global_intercept}), rows)
    if len(columns.expanded) > 1:
        raise MLError(
            f"ML.RECOMMEND: the input has {given[0].feature.name!r} without the other side's column, so it can have no "
            f"other column; it has: {columns.names}."
        )
    ids = _ids(columns, given[0].feature)
    user_ids, item_ids = (ids if side is given[0] else side.ids for side in sides)
    if len(user_ids) * len(item_ids) > MOST_ROWS:
        raise MLError(
            f"ML.RECOMMEND would give {len(user_ids) * len(item_ids):,} rows, more than the {MOST_ROWS:,} that the "
            "local BigQuery holds: give it fewer users or items."
        )
    predicted = of_all(model.users.of(user_ids), model.items.of(item_ids)) + model.global_intercept
    rows_of, columns_of = np.divmod(np.arange(predicted.size), max(len(item_ids), 1))
    return pa.table(
        {
            name: predicted.reshape(-1),
            model.users.feature.name: _spread(user_ids, rows_of),
            model.items.feature.name: _spread(item_ids, columns_of),
        }
    )


def _ids(columns: Columns, feature: Feature) -> pa.Array:
    return ratings.as_ids(columns.values(feature, "Id")).combine_chunks()


def _spread(ids: pa.Array, codes: Codes) -> pa.ChunkedArray:
    """Return the ids at the positions `codes`, in chunks, because one array of strings holds at most 2 GB."""
    starts = range(0, len(codes), _BLOCK)
    return pa.chunked_array([ids.take(pa.array(codes[start : start + _BLOCK])) for start in starts], ids.type)


def evaluate(model: Factorization, rows: pa.Table | None = None) -> pa.Table:
    """Return ML.EVALUATE, with error metrics for explicit feedback or ranking metrics for implicit feedback.

    Without `rows`, the metrics are computed on the held-out rows, or on the training rows if no rows were held out.
    """
    measured = model.measures
    if rows is not None:
        label = Feature(model.label, model.label_type)
        given = ratings.read(Columns(rows), model.users.feature, model.items.feature, label)
        if not len(given):
            raise MLError("There are no rows to evaluate on: check the table or query given.")
        measured = measures(model, given)
    return pa.table({name: pa.array([value], pa.float64()) for name, value in measured.items()})


def measures(model: Factorization, given: Ratings) -> dict[str, float]:
    """Return the metrics of the model's predictions for these ratings.

    With implicit feedback, all items of the training rows are ranked, and also the items that only `given` contains.
    """
    users = model.users.of(given.user_ids)
    if not model.is_implicit:
        items = model.items.of(given.item_ids)
        predicted = of_pairs(users.at(given.users), items.at(given.items)) + model.global_intercept
        return metrics.of_errors(given.values, predicted)
    ids = pc.unique(pa.concat_arrays([model.items.ids, given.item_ids]))
    items = model.items.of(ids)
    ranked = replace(given, item_ids=ids, items=ratings.positions(given.item_ids, ids)[given.items])
    return rating_metrics.of_ranking(ranked, lambda some: of_all(users.slice(some), items) + model.global_intercept)


_WEIGHTS = pa.schema(
    {
        "processed_input": pa.string(),
        "feature": pa.string(),
        "factor_weights": pa.list_(pa.struct({"factor": pa.int64(), "weight": pa.float64()})),
        "intercept": pa.float64(),
    }
)


def weights(model: Factorization) -> pa.Table:
    """Return ML.WEIGHTS: one row per user, one row per item, and a last row with only the global intercept."""
    last = {
        "processed_input": None,
        "feature": GLOBAL_INTERCEPT,
        "factor_weights": None,
        "intercept": model.global_intercept,
    }
    tables = [_side_weights(model.users), _side_weights(model.items), pa.Table.from_pylist([last], _WEIGHTS)]
    return pa.concat_tables(tables).combine_chunks()


def _side_weights(side: Side) -> pa.Table:
    count, width = side.vectors.factors.shape
    numbers = pa.array(np.tile(np.arange(1, width + 1), count))
    pairs = pa.StructArray.from_arrays([numbers, pa.array(side.vectors.factors.reshape(-1))], ["factor", "weight"])
    return pa.table(
        [
            pa.array([side.feature.name] * count),
            as_strings(pa.chunked_array([side.ids])),
            pa.ListArray.from_arrays(pa.array(np.arange(0, count * width + 1, width, dtype=np.int32)), pairs),
            pa.array(side.vectors.intercepts),
        ],
        schema=_WEIGHTS,
    )
