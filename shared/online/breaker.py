"""When to leave a failing service alone: a circuit breaker and a budget for retries. Pure: the clock is passed in.

The libraries there are do not fit a function with threads: pybreaker holds its lock during the call and so lets one
request through at a time, circuitbreaker has no lock, aiobreaker and purgatory want an event loop; none knows a share
of failures, and none a budget.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

# Requests that the breaker looks back on.
WINDOW = 20

type State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class Permit:
    """Leave for one request; its outcome counts only in the state that gave it."""

    epoch: int


class Breaker:
    """Closed, all requests pass; open, none; half-open, one probe at a time. Safe for threads.

    Opens at `failures` among the last 20 outcomes, half-opens after `open_seconds`, closes after `probes` successes in
    a row; a probe that fails opens it again. Each permit given must be answered with `record`.
    """

    def __init__(self, failures: int, open_seconds: float, probes: int) -> None:
        self._failures, self._open_seconds, self._probes = failures, open_seconds, probes
        self._lock = threading.Lock()
        self._epoch = 0
        self._is_probing = False
        self._enter("closed", 0.0)

    @property
    def state(self) -> State:
        """The state that the last request left; an open breaker half-opens when the next one asks."""
        return self._state

    def admit(self, now: float) -> Permit | None:
        """Return leave for a request, or None; `now` is in seconds, of any clock that only grows."""
        with self._lock:
            if self._state == "open" and now >= self._entered_at + self._open_seconds:
                self._enter("half_open", now)
            if self._state == "open" or (self._state == "half_open" and self._is_probing):
                return None
            self._is_probing = self._state == "half_open"
            return Permit(self._epoch)

    def record(self, permit: Permit, *, is_success: bool, now: float) -> None:
        """Count the outcome of a request; one that was begun in a former state says nothing about this one."""
        with self._lock:
            if permit.epoch != self._epoch:
                return
            self._is_probing = False
            self._outcomes.append(is_success)
            if self._state == "half_open":
                if not is_success:
                    self._enter("open", now)
                elif len(self._outcomes) >= self._probes:
                    self._enter("closed", now)
            elif self._outcomes.count(False) >= self._failures:
                self._enter("open", now)

    def _enter(self, state: State, now: float) -> None:
        self._state: State = state
        self._entered_at = now
        self._epoch += 1
        self._outcomes: deque[bool] = deque(maxlen=max(WINDOW, self._probes))
        self._is_probing = False


class Budget:
    """Retries for a share of the requests, so that retries cannot keep an overloaded service down. Safe for threads.

    Every request earns `share` of a retry, and at most `most` retries are kept for bad times.
    """

    def __init__(self, share: float, most: float = 10.0) -> None:
        self._share, self._most = share, most
        self._lock = threading.Lock()
        self._kept = 0.0

    def earn(self) -> None:
        """Count a request."""
        with self._lock:
            self._kept = min(self._kept + self._share, self._most)

    def spend(self) -> bool:
        """Whether a retry may be made; if so, it is counted."""
        with self._lock:
            # What ten times a tenth has left to be one.
            if self._kept < 1 - 1e-9:
                return False
            self._kept -= 1
            return True
