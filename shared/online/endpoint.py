"""Ask the Vertex AI endpoint for one visitor's probability, within a deadline and no longer than it is worth trying."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from shared.online.breaker import Breaker, Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.settings import Settings
    from shared.vertex import Answer, Predictions

# Requests under way at once. One that was given up stays so until its own time is over.
MOST_AT_ONCE = 64


class EndpointError(RuntimeError):
    """The endpoint gave no probability; says why, and nothing of the visitor."""


class Endpoint:
    """The endpoint, with one circuit breaker and one budget for retries for the whole process. Safe for threads."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        online = settings.online
        self._settings, self._clock = settings, clock
        self._deadline = online.endpoint_deadline_ms / 1000
        self._breaker = Breaker(online.breaker_failures, online.breaker_open_seconds, online.breaker_probes)
        self._budget = Budget(online.retry_share)
        # A request's own timeout is for each of its reads: only who waits from outside can keep the deadline.
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, "endpoint")
        self._lock = threading.Lock()
        self._connection: Future[Predictions] | None = None

    def ask(self, instance: Mapping[str, Any], *, is_only_hope: bool) -> Answer:
        """Return what the endpoint says of an instance.

        Google's client is imported in a thread when the first one asks; only who has no other scorer waits for it.

        Raises:
            EndpointError: it was late, failed or answered nonsense, or the breaker is open.
        """
        predictions = self._connected(must_wait=is_only_hope)
        permit = self._breaker.admit(self._clock())
        if permit is None:
            raise EndpointError("the endpoint has failed too often and is left alone for a while")
        self._budget.earn()
        is_success = False
        try:
            answer = self._pool.submit(predictions.predict, instance).result(self._deadline)
            is_success = True
        except Exception as error:
            # A request that is wrong in itself says nothing about the endpoint.
            is_success = _code(error) == 400
            raise EndpointError(f"the endpoint failed: {_reason(error)}") from error
        finally:
            self._breaker.record(permit, is_success=is_success, now=self._clock())
        return answer

    def _connected(self, *, must_wait: bool) -> Predictions:
        with self._lock:
            if self._connection is None or (self._connection.done() and self._connection.exception()):
                self._connection = self._pool.submit(self._connect)
            connection = self._connection
        if not connection.done() and not must_wait:
            raise EndpointError("the endpoint's client is still being imported")
        try:
            return connection.result()
        except Exception as error:
            raise EndpointError(f"the endpoint's client cannot be made: {_reason(error)}") from error

    def _connect(self) -> Predictions:
        from shared.vertex import Predictions  # noqa: PLC0415 - a function that needs no endpoint must not pay

        return Predictions(self._settings, self._deadline, self._budget.spend)


def _code(error: Exception) -> int | None:
    """Return the HTTP code with which Vertex AI refused."""
    code = getattr(error, "code", None)
    return None if code is None else int(code)


def _reason(error: Exception) -> str:
    """Return an error's kind: its text may quote what was sent."""
    code = _code(error)
    return type(error).__name__ if code is None else f"{type(error).__name__} ({code})"
