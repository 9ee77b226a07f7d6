"""Ask the Vertex AI endpoint for predictions, over its REST API.

This module does not use google-cloud-aiplatform, because its import takes longer than a checkout may wait.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import urllib3
from msgspec import Meta, Struct
from urllib3.exceptions import NewConnectionError, ProtocolError, ProxyError

from shared import jsontext
from shared.connections import Connections
from shared.embedded_scorer import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.settings import Settings

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# Number of connections that are kept open: the number of requests that an instance of score_checkout handles at a time.
CONNECTIONS = 16
# HTTP statuses after which a retry may help: too many requests, service unavailable, gateway timeout.
HEALING = {429, 503, 504}


class Answer(Struct, rename="camel"):
    """The answer of one deployed model. The endpoint may split its traffic between several deployed models."""

    predictions: list[Any]
    deployed_model_id: str
    model_version_id: Annotated[str, Meta(min_length=1)]

    @property
    def probabilities(self) -> list[float]:
        """The probability of a purchase for each instance.

        Raises:
            ValueError: a prediction does not have the form of a BigQuery ML model's prediction.
        """
        return [_probability(prediction) for prediction in self.predictions]


class _Error(Struct):
    details: list[dict[str, Any]] = []


class _Refusal(Struct):
    error: _Error


class RefusedError(RuntimeError):
    """The endpoint answered with an HTTP error. The message may quote the request.

    `code` is the HTTP status. `errors` are the details of Google's answer. Both are named as in the errors of Google's
    clients.
    """

    def __init__(self, code: int, content: bytes) -> None:
        super().__init__(f"HTTP {code}: {' '.join(content.decode(errors='replace').split())}")
        self.code = code
        self.errors = _details(content)


class Predictions:
    """Predictions of the endpoint that the settings name. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        serving = settings.serving
        endpoint = f"projects/{settings.project}/locations/{serving.region}/endpoints/{serving.endpoint_id}"
        self._url = f"{address(settings)}/v1/{endpoint}:predict"
        self._http = Connections(CONNECTIONS)

    def ask(self, instances: Sequence[Mapping[str, Any]], timeout: float) -> Answer:
        """Return the answer for `instances`. An instance holds the model's inputs by name; `timeout` is in seconds.

        Raises:
            RefusedError: the endpoint answers with an HTTP error.
            urllib3.exceptions.HTTPError: the endpoint cannot be reached, or its answer is not complete in time.
            google.auth.exceptions.GoogleAuthError: there are no credentials, or Google gives no token for them.
            msgspec.DecodeError: the answer is not JSON of the expected form.
        """
        headers = {"Content-Type": "application/json"}
        self._authorize(headers)
        content = jsontext.encode({"instances": instances})
        limit = urllib3.Timeout(total=timeout)
        answer = self._http.request("POST", self._url, body=content, headers=headers, timeout=limit, retries=False)
        if answer.status != 200:
            raise RefusedError(answer.status, answer.data)
        return msgspec.json.decode(answer.data, type=Answer)

    @cached_property
    def _authorize(self) -> Callable[[dict[str, str]], None]:
        """A function that adds the access token to a request's headers, and renews the token before it expires."""
        import google.auth  # noqa: PLC0415 - it imports cryptography, which is slow
        from google.auth.transport.requests import Request  # noqa: PLC0415
        from google.oauth2 import service_account  # noqa: PLC0415

        credentials, _ = google.auth.default(default_scopes=[SCOPE])
        if isinstance(credentials, service_account.Credentials):
            # Sign the tokens locally with the service account's key, as Google's clients do. So no request for a token
            # is needed.
            credentials = credentials.with_always_use_jwt_access(True)  # type: ignore[no-untyped-call]
        transport = Request()
        before: Callable[..., None] = credentials.before_request
        return lambda headers: before(transport, "POST", self._url, headers)


def address(settings: Settings) -> str:
    """Return the URL of Vertex AI: `serving.api_endpoint` or, if that is empty, the URL of the region."""
    host = settings.serving.api_endpoint or f"{settings.serving.region}-aiplatform.googleapis.com"
    return host if "://" in host else f"https://{host}"


def can_heal(error: Exception) -> bool:
    """Whether a retry may help: the endpoint answered 429, 503 or 504, or the connection failed."""
    if isinstance(error, RefusedError):
        return error.code in HEALING
    return isinstance(error, ProtocolError | NewConnectionError | ProxyError)


def _details(content: bytes) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(content, type=_Refusal).error.details
    except msgspec.MsgspecError:
        # The answer is not JSON, for example a proxy's HTML page.
        return []


def _probability(prediction: Any) -> float:
    """Return the probability of a purchase from a BigQuery ML prediction, whose classes may be in any order."""
    try:
        values = [str(value) for value in prediction[f"{LABEL}_values"]]
        probability = float(prediction[f"{LABEL}_probs"][values.index("1")])
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"no prediction of a BigQuery ML model's: {error!r}") from error
    if not 0 <= probability <= 1:
        raise ValueError(f"{probability} is no probability")
    return probability
