"""Train a matrix factorization from the options and the rows of CREATE MODEL."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from deskcloud.bigquery.ml import als, ratings, recommendation, split
from deskcloud.bigquery.ml import options as rules
from deskcloud.bigquery.ml.columns import Columns
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.factorization import Factorization, Side, of_pairs
from deskcloud.bigquery.ml.journal import Journal
from deskcloud.bigquery.ml.model import FeatureStatistics

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.factorization import Vectors
    from deskcloud.bigquery.ml.journal import Progress
    from deskcloud.bigquery.ml.ratings import Ratings

FEWEST_FACTORS, MOST_FACTORS = 2, 200


def train(rows: pa.Table, settings: dict[str, Any], progress: Progress | None) -> Factorization:
    """Train a model on `rows`, which must have only the columns that certain options name.

    These options are USER_COL, ITEM_COL, RATING_COL and DATA_SPLIT_COL.

    The default of NUM_FACTORS is log2 of the number of training rows, rounded down, but at least 2 and at most 200.

    Raises:
        MLError: the rows or the options are invalid.
    """
    columns = Columns(rows)
    user = ratings.feature(columns, "USER_COL", settings["user_col"])
    item = ratings.feature(columns, "ITEM_COL", settings["item_col"])
    rating = ratings.rating(columns, settings["rating_col"])
    _refuse_others(columns, settings)
    evaluates = split.evaluation_rows(columns, settings)
    training, held_out = (
        ratings.read(Columns(rows.filter(pa.array(mask))), user, item, rating) for mask in (~evaluates, evaluates)
    )
    if not len(training):
        raise MLError("There is no row to train on: check the query, and DATA_SPLIT_METHOD if it is set.")
    if settings["num_factors"] is None:
        settings["num_factors"] = min(max(int(math.log2(len(training))), FEWEST_FACTORS), MOST_FACTORS)
    journal = Journal(settings["early_stop"], settings["min_rel_progress"], progress)
    intercept, users, items = als.train(training, settings, journal, _watch(training, held_out, settings))
    model = Factorization(
        model_type=settings["model_type"],
        label=rating.name,
        label_type=rating.type,
        training_options=rules.training_options(settings),
        started_at=journal.started_at,
        training_rows=len(training),
        evaluation_rows=len(held_out),
        iterations=journal.iterations,
        statistics=[_statistics(user.name, training.user_ids), _statistics(item.name, training.item_ids)],
        users=Side(user, training.user_ids, users),
        items=Side(item, training.item_ids, items),
        global_intercept=intercept,
        measures={},
    )
    return replace(model, measures=recommendation.measures(model, held_out if len(held_out) else training))


def _refuse_others(columns: Columns, settings: dict[str, Any]) -> None:
    options = ("user_col", "item_col", "rating_col", "data_split_col")
    taken = {settings[option].lower() for option in options if settings[option]}
    others = [feature.name for feature in columns.expanded if feature.name.lower() not in taken]
    if others:
        raise MLError(
            f"The query of a {rules.FACTORIZATION} model must give exactly USER_COL, ITEM_COL and RATING_COL, and "
            f"DATA_SPLIT_COL if it is set; it also gives {', '.join(others)}: leave that out."
        )


def _watch(training: Ratings, held_out: Ratings, settings: dict[str, Any]) -> als.Watch:
    """Return a function that computes the mean of c * (p - prediction)^2 over the held-out pairs."""
    users = ratings.positions(held_out.user_ids, training.user_ids)[held_out.users]
    items = ratings.positions(held_out.item_ids, training.item_ids)[held_out.items]
    weights, targets = als.confidence(held_out.values, settings), als.preference(held_out.values, settings)

    def loss(intercept: float, of_users: Vectors, of_items: Vectors) -> float | None:
        if not len(targets):
            return None
        predicted = intercept + of_pairs(of_users.at(users), of_items.at(items))
        return float(np.mean(weights * (targets - predicted) ** 2))

    return loss


def _statistics(name: str, ids: pa.Array) -> FeatureStatistics:
    """Return the row of ML.FEATURE_INFO for the users or the items.

    The row has no statistics except `category_count`, which is the number of users or items.
    """
    return FeatureStatistics(name, None, None, None, None, None, len(ids), None)
