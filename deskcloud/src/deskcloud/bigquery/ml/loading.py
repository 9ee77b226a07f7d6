"""Load a saved model of any type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deskcloud.bigquery.ml.classifier import Classifier
from deskcloud.bigquery.ml.factorization import Factorization
from deskcloud.bigquery.ml.options import FACTORIZATION, REGRESSORS
from deskcloud.bigquery.ml.regressor import Regressor

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.model import TrainedModel


def load(folder: Path) -> TrainedModel:
    """Load a model that `TrainedModel.save` has written into `folder`."""
    model_type = json.loads((folder / "model.json").read_text())["model_type"]
    if model_type == FACTORIZATION:
        return Factorization.load(folder)
    return (Regressor if model_type in REGRESSORS else Classifier).load(folder)
