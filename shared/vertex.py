"""One prediction of the Vertex AI endpoint through Google's own client, which takes more than a second to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GatewayTimeout, ServiceUnavailable, TooManyRequests
from google.api_core.retry import Retry
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import Timeout

from shared.embedded_scorer import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.settings import Settings


@dataclass(frozen=True)
class Answer:
    """A probability, and the version of the registered model that gave it: under a traffic split, any deployed one."""

    probability: float
    version: str


class Predictions:
    """The endpoint's predictions. Safe for threads."""

    def __init__(self, settings: Settings, deadline: float, may_retry: Callable[[], bool]) -> None:
        """Connect; `deadline` is in seconds, for a prediction and all its retries, each of which is asked for."""
        serving = settings.serving
        self._client = PredictionServiceClient(**client_options(settings))
        self._endpoint = f"projects/{settings.project}/locations/{serving.region}/endpoints/{serving.endpoint_id}"
        self._deadline = deadline
        self._retry = Retry(lambda error: _can_heal(error) and may_retry(), initial=0.01, maximum=0.2, timeout=deadline)

    def predict(self, instance: Mapping[str, Any]) -> Answer:
        """Return the answer for one instance.

        Raises:
            Exception: whatever the client raises, or KeyError, ValueError, IndexError where the answer is nonsense.
        """
        response = self._client.predict(
            endpoint=self._endpoint, instances=[dict(instance)], retry=self._retry, timeout=self._deadline
        )
        probability = probability_of(response.predictions[0])
        if not 0 <= probability <= 1 or not response.model_version_id:
            raise ValueError("no probability, or no version that gave it")
        return Answer(probability, response.model_version_id)


def client_options(settings: Settings) -> dict[str, Any]:
    """Return how Google's clients are made that reach the region's Vertex AI, or the one that the settings name."""
    host = settings.serving.api_endpoint or f"{settings.serving.region}-aiplatform.googleapis.com"
    return {"client_options": {"api_endpoint": host}, "transport": "rest"}


def probability_of(prediction: Mapping[str, Any]) -> float:
    """Return P(buys) of one BigQuery ML prediction, whose classes come in no promised order.

    Raises:
        KeyError, ValueError, IndexError, TypeError: it is none of a BigQuery ML model's.
    """
    values = [str(value) for value in prediction[f"{LABEL}_values"]]
    return float(prediction[f"{LABEL}_probs"][values.index("1")])


def _can_heal(error: Exception) -> bool:
    """Whether the endpoint said "slow down", "not now" or "took too long", or dropped the connection."""
    if isinstance(error, NotConnected):
        return not isinstance(error, Timeout)
    return isinstance(error, TooManyRequests | ServiceUnavailable | GatewayTimeout)
