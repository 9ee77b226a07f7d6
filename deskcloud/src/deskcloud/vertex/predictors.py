"""Deployed models in memory, loaded on first use."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deskcloud.bigquery.ml import Classifier, MLError, predict_instances
from deskcloud.vertex.errors import InvalidArgumentError

type Instances = list[dict[str, Any]]
type Predictor = Callable[[Instances], list[dict[str, Any]]]
"""Returns a prediction for each instance, or raises InvalidArgumentError if one is invalid."""


def load_bqml(folder: Path) -> Predictor:
    """Load a BigQuery ML model from its folder."""
    model = Classifier.load(folder)

    def predict(instances: Instances) -> list[dict[str, Any]]:
        try:
            return predict_instances(model, instances)
        except MLError as error:
            raise InvalidArgumentError(str(error)) from error

    return predict


class Predictors:
    """Predictors by deployment. Thread-safe."""

    def __init__(self, load: Callable[[Path], Predictor]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: dict[str, Predictor] = {}

    def get(self, deployment: str, folder: Callable[[], Path]) -> Predictor:
        """Return the deployment's predictor; `folder` is called only if the model must be loaded.

        Raises:
            VertexError: whatever `folder` raises.
        """
        with self._lock:
            loaded = self._loaded.get(deployment)
        if loaded is None:
            # Load outside the lock, so that other predictions go on. Loading a model twice does no harm.
            loaded = self._load(folder())
            with self._lock:
                self._loaded[deployment] = loaded
        return loaded

    def forget(self, deployment: str) -> None:
        """Remove the predictor of a deployment that has ended."""
        with self._lock:
            self._loaded.pop(deployment, None)
