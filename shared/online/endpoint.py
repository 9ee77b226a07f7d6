"""Ask the Vertex AI endpoint for one visitor's probability, within a deadline, with retries and a circuit breaker."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.online.breaker import Breaker, Budget
from shared.vertex import Predictions, RefusedError, can_heal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.settings import Settings

# Maximum number of concurrent requests. If a caller stops waiting at its deadline, its request counts until the request
# ends.
MOST_AT_ONCE = 64
# Maximum pauses in seconds: FIRST_PAUSE before the first retry, then doubled for each retry up to LONGEST_PAUSE.
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.2


class EndpointError(RuntimeError):
    """The endpoint gave no probability. The message gives the reason, without data of the visitor."""


@dataclass(frozen=True)
class Answer:
    """An uncalibrated probability, and the version that computed it. Each version with traffic may answer."""

    probability: float
    version: str


class Endpoint:
    """The endpoint, with one circuit breaker and one retry budget for the whole process. Thread-safe."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        online = settings.online
        self._predictions, self._clock = Predictions(settings), clock
        self._deadline = online.endpoint_deadline_ms / 1000
        self._breaker = Breaker(online.breaker_failures, online.breaker_open_seconds, online.breaker_probes)
        self._budget = Budget(online.retry_share)
        # The HTTP client's timeout applies to each read, not to the whole request. So a thread sends the request, and
        # the caller waits only until the deadline.
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, "endpoint")

    def ask(self, instance: Mapping[str, Any]) -> Answer:
        """Return the endpoint's uncalibrated probability for `instance`, which holds the model's inputs by name.

        Raises:
            EndpointError: the endpoint was too slow, failed or gave an invalid answer, or the breaker is open.
        """
        permit = self._breaker.admit(self._clock())
        if permit is None:
            raise EndpointError("the endpoint has failed too often and is left alone for a while")
        self._budget.earn()
        is_success = False
        try:
            answer = self._pool.submit(self._predict, instance).result(self._deadline)
            is_success = True
        except Exception as error:
            # HTTP 400 means that the request is wrong, so the endpoint itself works.
            is_success = isinstance(error, RefusedError) and error.code == 400
            raise EndpointError(f"the endpoint failed: {_reason(error)}") from error
        finally:
            self._breaker.record(permit, is_success=is_success, now=self._clock())
        return answer

    def _predict(self, instance: Mapping[str, Any]) -> Answer:
        """Ask the endpoint. Retry as long as a retry may help, time remains, and the budget allows it."""
        ends_at = time.monotonic() + self._deadline
        longest = FIRST_PAUSE
        while True:
            try:
                answer = self._predictions.ask([instance], ends_at - time.monotonic())
                return Answer(answer.probabilities[0], answer.model_version_id)
            except Exception as error:
                pause = random.uniform(0, longest)  # noqa: S311 - a random pause spreads the retries; not for security
                if not can_heal(error) or time.monotonic() + pause >= ends_at or not self._budget.spend():
                    raise
            time.sleep(pause)
            longest = min(2 * longest, LONGEST_PAUSE)


def _reason(error: Exception) -> str:
    """Return the HTTP status or the class of an error. The error's message is left out: it may quote the request."""
    return f"HTTP {error.code}" if isinstance(error, RefusedError) else type(error).__name__
