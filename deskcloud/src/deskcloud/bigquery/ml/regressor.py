"""A trained regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskcloud.bigquery.ml.supervised import Supervised, loaded_fields

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Regressor(Supervised):
    """A model that predicts a number: LINEAR_REGRESSION or BOOSTED_TREE_REGRESSOR.

    measures: the metrics of ML.EVALUATE on the held-out rows, or on the training rows if no rows were held out
    """

    measures: dict[str, float]

    def answer(self, prediction: float) -> dict[str, Any]:
        """Return the predicted value."""
        return {f"predicted_{self.label}": [prediction]}

    def _save(self, folder: Path) -> dict[str, Any]:
        return super()._save(folder) | {"measures": self.measures}

    @classmethod
    def load(cls, folder: Path) -> Regressor:
        """Load a regressor that `save` has written into `folder`."""
        return cls(**loaded_fields(folder))
