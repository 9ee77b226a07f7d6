"""Compute the metrics that say how well a model ranks items for users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskcloud.bigquery.ml.encoding import Floats
    from deskcloud.bigquery.ml.ratings import Codes, Ratings

BLOCK = 1 << 21
"""Number of (user, item) pairs that are ranked at a time."""


def of_ranking(ratings: Ratings, predict: Callable[[slice], Floats]) -> dict[str, float]:
    """Return ML.EVALUATE's metrics for implicit feedback. For each user with ratings, all items are ranked.

    `predict(users)` returns the predictions for a slice of the users, one row per user and one column per item. An item
    is relevant for a user if the user's rating is above 0. A missing rating counts as 0.

    BigQuery documents only the name of each metric and one sentence. This module uses these definitions:

    mean_average_precision   the precision at each relevant item's rank, averaged per user, then over all users
    mean_squared_error       the mean of ((1 if relevant else 0) - prediction)^2 over all pairs of a user and an item
    average_rank             the mean of (rank - 1) / (number of items - 1) over the relevant items, with the ratings as
                             weights (equation 8 of Hu, Koren and Volinsky)
    normalized_discounted_cumulative_gain
                             the sum of rating / log2(1 + rank), divided by the best possible sum, averaged over users

    Users without a relevant item count only in mean_squared_error. If no user has a relevant item, all other metrics
    are NaN.
    """
    users, items, gains = ratings.users, ratings.items, np.maximum(ratings.values, 0)
    ranks = np.empty(len(users), np.int64)
    count, squares = len(ratings.item_ids), 0.0
    step = max(BLOCK // count, 1)
    for first in range(0, len(ratings.user_ids), step):
        predicted = predict(slice(first, first + step))
        here = slice(*np.searchsorted(users, [first, first + step]).tolist())
        rows, columns = users[here] - first, items[here]
        ranks[here] = _ranks(predicted, rows, columns)
        hits = predicted[rows, columns][gains[here] > 0]
        squares += float((predicted**2).sum() + (1 - 2 * hits).sum())
    relevant = gains > 0
    users, gains, ranks = users[relevant], gains[relevant], ranks[relevant]
    gained = _sums(users, gains / np.log2(1 + ranks))
    best = _sums(users, gains / np.log2(1 + _places(users, -gains)))
    precisions = _sums(users, _places(users, ranks) / ranks) / _sums(users, np.ones(len(users)))
    return {
        "mean_average_precision": _mean(precisions),
        "mean_squared_error": squares / (len(ratings.user_ids) * count),
        "normalized_discounted_cumulative_gain": _mean(gained / best),
        "average_rank": float(gains @ (ranks - 1) / max(count - 1, 1) / gains.sum()) if len(gains) else np.nan,
    }


def _ranks(predicted: Floats, rows: Codes, columns: Codes) -> Codes:
    """Return the rank of item `columns[k]` for user `rows[k]`, for each k.

    The rank is the number of items whose predictions are at least as high as that of the item, so the first rank is 1.
    """
    values, ordered = predicted[rows, columns], np.sort(predicted, axis=1)
    count = ordered.shape[1]
    # Run a binary search in all rows at the same time.
    lower = np.zeros(len(rows), np.int64)
    for step in (1 << bit for bit in reversed(range(count.bit_length()))):
        probe = lower + step
        fits = (probe <= count) & (ordered[rows, np.minimum(probe, count) - 1] < values)
        lower = np.where(fits, probe, lower)
    ranks: Codes = count - lower
    return ranks


def _places(users: Codes, values: Floats | Codes) -> Codes:
    """Return the rank of each value among the values of the same user. A user's smallest value has rank 1.

    `users` must be sorted.
    """
    places = np.empty(len(users), np.int64)
    starts = np.searchsorted(users, users)
    places[np.lexsort((values, users))] = np.arange(len(users)) - starts + 1
    return places


def _sums(users: Codes, values: Floats) -> Floats:
    """Return the sum of the values of each user that occurs in `users`."""
    _, which = np.unique(users, return_inverse=True)
    return np.bincount(which, values)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else np.nan
