"""Keep deployed models in memory. A model is loaded when it is deployed, or, after a restart, when it is first used."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from deskcloud.bigquery.ml import MLError, load, predict_instances
from deskcloud.vertex.errors import InvalidArgumentError

if TYPE_CHECKING:
    from deskcloud.bigquery.ml.supervised import Supervised

type Instances = list[dict[str, Any]]
type Predictor = Callable[[Instances], list[dict[str, Any]]]
"""A function that returns a prediction for each instance, or raises InvalidArgumentError if an instance is invalid."""


def load_bqml(folder: Path) -> Predictor:
    """Load a BigQuery ML model from the folder to which it was exported."""
    # The model is a classifier or a regressor, because BigQuery registers no other models.
    model = cast("Supervised", load(folder))

    def predict(instances: Instances) -> list[dict[str, Any]]:
        try:
            return predict_instances(model, instances)
        except MLError as error:
            raise InvalidArgumentError(str(error)) from error

    return predict


class Predictors:
    """Maps deployments (ENDPOINT/DEPLOYED_MODEL_ID) to loaded predictors. The class is thread-safe."""

    def __init__(self, load: Callable[[Path], Predictor]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: dict[str, Predictor] = {}

    def get(self, deployment: str, folder: Callable[[], Path]) -> Predictor:
        """Return the deployment's predictor. If the model is not loaded yet, load it from `folder()`.

        Raises:
            VertexError: the error that `folder` raises.
        """
        with self._lock:
            loaded = self._loaded.get(deployment)
        if loaded is None:
            # The lock is not held while a model loads, so that predictions of other models continue. If two threads
            # load the same model, both predictors are equal, and the later one is kept.
            loaded = self._load(folder())
            with self._lock:
                self._loaded[deployment] = loaded
        return loaded

    def forget(self, deployment: str) -> None:
        """Remove the predictor of a model that is no longer deployed."""
        with self._lock:
            self._loaded.pop(deployment, None)
