"""A trained matrix factorization. Its folder holds model.json, users.arrow and items.arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from deskcloud.bigquery.ml.model import TrainedModel, kept_fields
from deskcloud.bigquery.ml.ratings import positions

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.columns import Feature
    from deskcloud.bigquery.ml.encoding import Floats
    from deskcloud.bigquery.ml.ratings import Codes


@dataclass(frozen=True)
class Vectors:
    """The factors of users or items, one row per user or item, and their intercepts."""

    factors: Floats
    intercepts: Floats

    def at(self, codes: Codes) -> Vectors:
        """Return the vectors at the positions `codes`. The position -1 means an unknown id, and gives zeros."""
        known = codes >= 0
        factors, intercepts = self.factors[codes], self.intercepts[codes]
        factors[~known] = 0
        intercepts[~known] = 0
        return Vectors(factors, intercepts)

    def slice(self, some: slice) -> Vectors:
        """Return the vectors in a slice of positions."""
        return Vectors(self.factors[some], self.intercepts[some])


def of_pairs(users: Vectors, items: Vectors) -> Floats:
    """Return the predictions for the pairs (users[k], items[k]), without the global intercept."""
    products: Floats = np.einsum("ij,ij->i", users.factors, items.factors)
    return products + users.intercepts + items.intercepts


def of_all(users: Vectors, items: Vectors) -> Floats:
    """Return the predictions for all pairs, without the global intercept: one row per user, one column per item."""
    return users.factors @ items.factors.T + users.intercepts[:, np.newaxis] + items.intercepts


@dataclass(frozen=True)
class Side:
    """The users or the items of the training, with their column, their ids in ascending order, and their vectors."""

    feature: Feature
    ids: pa.Array
    vectors: Vectors

    def of(self, ids: pa.Array) -> Vectors:
        """Return the vectors of these ids. NULL and ids that do not occur in the training rows give zeros."""
        return self.vectors.at(positions(ids, self.ids))

    def save(self, file: Path) -> None:
        """Write the ids and the vectors to `file`. The caller must store the column's name and type."""
        factors = self.vectors.factors
        flat = pa.array(factors.reshape(-1))
        table = pa.table(
            {
                "id": self.ids,
                "intercept": self.vectors.intercepts,
                "factors": pa.FixedSizeListArray.from_arrays(flat, factors.shape[1]),
            }
        )
        with pa.ipc.new_file(file, table.schema) as sink:
            sink.write_table(table)

    @classmethod
    def load(cls, file: Path, feature: Feature) -> Side:
        """Load the ids and the vectors that `save` has written."""
        with pa.ipc.open_file(file) as source:
            table = source.read_all().combine_chunks()
        factors = table["factors"].combine_chunks()
        matrix = factors.flatten().to_numpy().reshape(-1, factors.type.list_size)
        return cls(feature, table["id"].combine_chunks(), Vectors(matrix, table["intercept"].to_numpy()))


@dataclass(frozen=True)
class Factorization(TrainedModel):
    """A MATRIX_FACTORIZATION model. Its label is the rating.

    global_intercept: the mean rating; 0 with implicit feedback
    measures: the metrics of ML.EVALUATE on the held-out rows, or on the training rows if no rows were held out
    """

    users: Side
    items: Side
    global_intercept: float
    measures: dict[str, float]

    @property
    def features(self) -> list[Feature]:
        """Return the user column and the item column."""
        return [self.users.feature, self.items.feature]

    @property
    def is_implicit(self) -> bool:
        """Return whether FEEDBACK_TYPE is 'IMPLICIT'. The model then predicts preferences and not ratings."""
        return bool(self.training_options["feedbackType"] == "IMPLICIT")

    def _save(self, folder: Path) -> dict[str, Any]:
        self.users.save(folder / "users.arrow")
        self.items.save(folder / "items.arrow")
        return {"global_intercept": self.global_intercept, "measures": self.measures}

    @classmethod
    def load(cls, folder: Path) -> Factorization:
        """Load a factorization that `save` has written into `folder`."""
        kept = kept_fields(folder)
        user, item = kept.pop("features")
        return cls(**kept, users=Side.load(folder / "users.arrow", user), items=Side.load(folder / "items.arrow", item))
