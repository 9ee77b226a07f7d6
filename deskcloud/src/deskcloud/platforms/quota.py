"""Limit the number of requests in a time window."""

import threading
from collections import deque
from collections.abc import Callable


class Quota:
    """Allows at most `limit` requests in any period of `seconds`. Requests before a restart are not counted."""

    def __init__(self, limit: int, seconds: float, now: Callable[[], float]) -> None:
        self._limit, self._seconds, self._now = limit, seconds, now
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Count a request and return 0. If the quota is exhausted, return the seconds until a request is possible."""
        with self._lock:
            if seconds := self._wait():
                return seconds
            self._taken.append(self._now())
            return 0.0

    @property
    def seconds(self) -> float:
        """The seconds until the next request is possible, or 0 if it is possible now."""
        with self._lock:
            return self._wait()

    @property
    def percent(self) -> int:
        """The used share of the quota in percent, at the last call of `take` or `seconds`."""
        return round(100 * len(self._taken) / self._limit)

    def _wait(self) -> float:
        now = self._now()
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        return self._taken[0] + self._seconds - now if len(self._taken) >= self._limit else 0.0
