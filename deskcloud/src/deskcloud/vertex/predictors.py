"""Deployed models in memory, each read when it is first needed."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deskcloud.bigquery.ml import Classifier, MLError, predict_instances
from deskcloud.vertex.errors import InvalidArgumentError

type Instances = list[dict[str, Any]]
type Predictor = Callable[[Instances], list[dict[str, Any]]]
"""Answers every instance, or raises InvalidArgumentError for all of them."""


def load_bqml(folder: Path) -> Predictor:
    """A model that BigQuery ML trained, read from the folder it was saved in."""
    model = Classifier.load(folder)

    def predict(instances: Instances) -> list[dict[str, Any]]:
        try:
            return predict_instances(model, instances)
        except MLError as error:
            raise InvalidArgumentError(str(error)) from error

    return predict


class Predictors:
    """Predictors by deployment. Safe for threads."""

    def __init__(self, load: Callable[[Path], Predictor]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: dict[str, Predictor] = {}

    def get(self, deployment: str, folder: Callable[[], Path]) -> Predictor:
        """The deployment's predictor; `folder` is asked for only where it has to be read."""
        with self._lock:
            loaded = self._loaded.get(deployment)
        if loaded is None:
            # Outside of the lock: the others go on answering. Reading one twice does no harm.
            loaded = self._load(folder())
            with self._lock:
                self._loaded[deployment] = loaded
        return loaded

    def forget(self, deployment: str) -> None:
        """Let go of the memory of a deployment that ended."""
        with self._lock:
            self._loaded.pop(deployment, None)
