"""Ask the Vertex AI endpoint for one visitor's probability, within a deadline and no longer than it is worth trying."""

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

# Requests under way at once. One that was given up stays so until its own time is over.
MOST_AT_ONCE = 64
# Seconds until the first retry, at most, and until each later one.
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.2


class EndpointError(RuntimeError):
    """The endpoint gave no probability; says why, and nothing of the visitor."""


@dataclass(frozen=True)
class Answer:
    """A probability, and the version of the registered model that gave it: under a traffic split, any deployed one."""

    probability: float
    version: str


class Endpoint:
    """The endpoint, with one circuit breaker and one budget for retries for the whole process. Safe for threads."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        online = settings.online
        self._predictions, self._clock = Predictions(settings), clock
        self._deadline = online.endpoint_deadline_ms / 1000
        self._breaker = Breaker(online.breaker_failures, online.breaker_open_seconds, online.breaker_probes)
        self._budget = Budget(online.retry_share)
        # A request's own timeout is for each of its reads: only who waits from outside can keep the deadline.
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, "endpoint")

    def ask(self, instance: Mapping[str, Any]) -> Answer:
        """Return what the endpoint says of an instance.

        Raises:
            EndpointError: it was late, failed or answered nonsense, or the breaker is open.
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
            # A request that is wrong in itself says nothing about the endpoint.
            is_success = isinstance(error, RefusedError) and error.code == 400
            raise EndpointError(f"the endpoint failed: {_reason(error)}") from error
        finally:
            self._breaker.record(permit, is_success=is_success, now=self._clock())
        return answer

    def _predict(self, instance: Mapping[str, Any]) -> Answer:
        """Ask, and ask again while that may help and time and the budget allow it."""
        ends_at = time.monotonic() + self._deadline
        longest = FIRST_PAUSE
        while True:
            try:
                answer = self._predictions.ask([instance], ends_at - time.monotonic())
                return Answer(answer.probabilities[0], answer.model_version_id)
            except Exception as error:
                pause = random.uniform(0, longest)  # noqa: S311 - so that not all ask again at once
                if not can_heal(error) or time.monotonic() + pause >= ends_at or not self._budget.spend():
                    raise
            time.sleep(pause)
            longest = min(2 * longest, LONGEST_PAUSE)


def _reason(error: Exception) -> str:
    """Return an error's kind: its text may quote what was sent."""
    return f"HTTP {error.code}" if isinstance(error, RefusedError) else type(error).__name__
