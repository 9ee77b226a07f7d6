"""A trained classifier. In addition to the files of every trained model, its folder holds evaluation.npz."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from deskcloud.bigquery.ml.columns import ARROW
from deskcloud.bigquery.ml.supervised import Supervised, loaded_fields

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.encoding import Floats, Mask


@dataclass(frozen=True)
class Evaluation:
    """Labels and predictions of the held-out rows, or of the training rows if no rows were held out."""

    positive: Mask
    probabilities: Floats


@dataclass(frozen=True)
class Classifier(Supervised):
    """A binary classifier of the type LOGISTIC_REGRESSION or BOOSTED_TREE_CLASSIFIER.

    class_names: the two label values as STRING, in the ascending order of the values; the last is the positive class
    """

    class_names: tuple[str, str]
    evaluation: Evaluation

    @cached_property
    def class_array(self) -> pa.Array:
        """Return the two label values in ascending order, in the label's Arrow type."""
        return pa.array(self.class_names, pa.string()).cast(ARROW[self.label_type])

    @property
    def classes(self) -> list[Any]:
        """Return the two label values in ascending order as Python values. The last is the positive class."""
        values: list[Any] = self.class_array.to_pylist()
        return values

    def answer(self, prediction: float) -> dict[str, Any]:
        """Return both labels, their probabilities and the likelier label. The lists begin with the positive class."""
        names = self.class_names
        return {
            f"{self.label}_values": [names[1], names[0]],
            f"{self.label}_probs": [prediction, 1 - prediction],
            f"predicted_{self.label}": [names[int(prediction >= 0.5)]],
        }

    def _save(self, folder: Path) -> dict[str, Any]:
        np.savez(folder / "evaluation.npz", **vars(self.evaluation))
        return super()._save(folder) | {"class_names": self.class_names}

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Load a classifier that `save` has written into `folder`."""
        fields = loaded_fields(folder)
        with np.load(folder / "evaluation.npz") as arrays:
            evaluation = Evaluation(arrays["positive"], arrays["probabilities"])
        return cls(**fields | {"class_names": tuple(fields["class_names"])}, evaluation=evaluation)
