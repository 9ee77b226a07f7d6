"""A circuit breaker and a retry budget for a failing service. The breaker reads no clock: the caller passes the time.

Existing libraries do not suit a function with threads. pybreaker holds its lock during the call of the service, so it
serializes requests; circuitbreaker has no lock; aiobreaker and purgatory need an event loop. None of these libraries
counts failures over a window of requests, and none has a retry budget.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

# Number of recent outcomes that a breaker counts. A breaker with more `probes` counts as many outcomes as probes.
WINDOW = 20

type State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class Permit:
    """Permission for one request. The request's outcome counts only if the breaker's state is still the same then."""

    epoch: int


class Breaker:
    """A circuit breaker. Thread-safe.

    A closed breaker admits all requests, an open breaker none, and a half-open breaker one at a time: a probe.

    The breaker opens after `failures` failures among the last WINDOW outcomes, and becomes half-open after
    `open_seconds`. It closes after `probes` successful probes in a row, and a failed probe opens it again. Pass the
    outcome of each admitted request to `record`.
    """

    def __init__(self, failures: int, open_seconds: float, probes: int) -> None:
        self._failures, self._open_seconds, self._probes = failures, open_seconds, probes
        self._lock = threading.Lock()
        self._epoch = 0
        self._is_probing = False
        self._enter("closed", 0.0)

    @property
    def state(self) -> State:
        """The current state; an open breaker becomes half-open only at the next call of `admit`."""
        return self._state

    def admit(self, now: float) -> Permit | None:
        """Return a permit for a request, or None; `now` is in seconds, from any monotonic clock."""
        with self._lock:
            if self._state == "open" and now >= self._entered_at + self._open_seconds:
                self._enter("half_open", now)
            if self._state == "open" or (self._state == "half_open" and self._is_probing):
                return None
            self._is_probing = self._state == "half_open"
            return Permit(self._epoch)

    def record(self, permit: Permit, *, is_success: bool, now: float) -> None:
        """Count the outcome of a request, unless the state has changed since `permit` was given."""
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
    """A retry budget. It limits retries, because many retries would keep an overloaded service down. Thread-safe.

    Each request adds `share` of a retry to the budget, which holds at most `most` retries.
    """

    def __init__(self, share: float, most: float = 10.0) -> None:
        self._share, self._most = share, most
        self._lock = threading.Lock()
        self._kept = 0.0

    def earn(self) -> None:
        """Add `share` of a retry, for one request."""
        with self._lock:
            self._kept = min(self._kept + self._share, self._most)

    def spend(self) -> bool:
        """Take one retry from the budget; return False if the budget is empty."""
        with self._lock:
            # Tolerance: ten times 0.1 sums to slightly less than 1.
            if self._kept < 1 - 1e-9:
                return False
            self._kept -= 1
            return True
