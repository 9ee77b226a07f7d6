"""Measures of predicted ratings, and of the order in which items are recommended to users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskcloud.bigquery.ml.encoding import Floats
    from deskcloud.bigquery.ml.ratings import Codes, Ratings

BLOCK = 1 << 21
"""Pairs of users and items ranked at a time."""


def of_errors(actual: Floats, predicted: Floats) -> dict[str, float]:
    """ML.EVALUATE's measures of a regression, by the formulas of the API's HparamTuningObjective.

    Of an even number of errors the median is the lower one in the middle, as in the tutorial on penguins.

    The log error is NaN when a rating or a prediction is -1 or less, r2_score and explained_variance are when all
    ratings are equal.
    """
    errors = actual - predicted
    varies = actual.var() > 0
    has_logs = min(actual.min(), predicted.min()) > -1
    return {
        "mean_absolute_error": float(np.abs(errors).mean()),
        "mean_squared_error": float((errors**2).mean()),
        "mean_squared_log_error": float(((np.log1p(actual) - np.log1p(predicted)) ** 2).mean()) if has_logs else np.nan,
        "median_absolute_error": float(np.quantile(np.abs(errors), 0.5, method="lower")),
        "r2_score": float(1 - (errors**2).mean() / actual.var()) if varies else np.nan,
        "explained_variance": float(1 - errors.var() / actual.var()) if varies else np.nan,
    }


def of_ranking(ratings: Ratings, predict: Callable[[slice], Floats]) -> dict[str, float]:
    """ML.EVALUATE's measures of implicit feedback, each item ranked for each user of the ratings.

    `predict(users)` are the predictions for these users, a row each, and all items. Relevant is what has a rating above
    0; what a user has not rated counts as 0. Documented are names and a sentence each, so this is what is measured:

    mean_average_precision   the precision at each relevant item's rank, averaged over a user's, then over users
    mean_squared_error       (1 if relevant else 0) - prediction, squared, averaged over all pairs
    normalized_discounted_cumulative_gain   gain rating, discount log2(1 + rank), against the best order; over users
    average_rank             percentile of the rank, 0 first and 1 last, averaged with the ratings as weights (equation
                             8 of Hu, Koren and Volinsky)

    Users without anything relevant count in the squared error alone; NaN is what nobody counts in.
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
    """The rank of these items for these users, from 1: how many are predicted as high, so that ties gain nothing."""
    values, ordered = predicted[rows, columns], np.sort(predicted, axis=1)
    count = ordered.shape[1]
    # A binary search in the rows of all pairs at once.
    lower = np.zeros(len(rows), np.int64)
    for step in (1 << bit for bit in reversed(range(count.bit_length()))):
        probe = lower + step
        fits = (probe <= count) & (ordered[rows, np.minimum(probe, count) - 1] < values)
        lower = np.where(fits, probe, lower)
    ranks: Codes = count - lower
    return ranks


def _places(users: Codes, values: Floats | Codes) -> Codes:
    """The place of each value among its user's in ascending order, from 1; `users` are ascending."""
    places = np.empty(len(users), np.int64)
    starts = np.searchsorted(users, users)
    places[np.lexsort((values, users))] = np.arange(len(users)) - starts + 1
    return places


def _sums(users: Codes, values: Floats) -> Floats:
    """The sum for each user that there is."""
    _, which = np.unique(users, return_inverse=True)
    return np.bincount(which, values)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else np.nan
