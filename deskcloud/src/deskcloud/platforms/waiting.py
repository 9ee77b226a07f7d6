"""A queue of accepted requests, which a platform processes after a delay."""

from collections.abc import Callable
from typing import Any

from deskcloud.jsonstore import Documents
from deskcloud.platforms.clock import Clock

type Work = dict[str, Any]


class Waiting:
    """A queue in `state`. Requests are processed `seconds` after their acceptance, in the order of acceptance."""

    def __init__(self, state: Documents, clock: Clock, seconds: float) -> None:
        self._state, self._clock, self._seconds = state, clock, seconds

    def add(self, work: Work, *, never_ends: bool) -> None:
        """Accept a request. If `never_ends`, the request will never be processed."""
        with self._state.transaction():
            number = (self._state.get("taken") or {"count": 0})["count"] + 1
            self._state.put("taken", {"count": number})
            due = None if never_ends else self._clock.now() + self._seconds
            self._state.put(f"waiting:{number:012}", {"due": due, "work": work})

    def settle(self, process: Callable[[Work], None]) -> None:
        """Process the requests whose delay has passed. Even if this process is killed, each has an effect only once."""
        with self._state.transaction():
            for name, one in self._state.matching("waiting:*"):
                if one["due"] is not None and one["due"] <= self._clock.now():
                    process(one["work"])
                    self._state.delete(name)

    def works(self) -> list[Work]:
        """Return the requests that are not processed yet."""
        return [one["work"] for _, one in self._state.matching("waiting:*")]
