"""A thread that repeats its work after each wake-up."""

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_SECONDS_AFTER_A_FAILURE = 1.0


class WakingThread:
    """A thread that calls `work` once when the thread starts, and again after each wake-up.

    `work` returns the number of seconds after which the thread calls `work` again even without a wake-up. If the result
    is None, the thread waits for a wake-up. If `work` raises an exception, the thread logs the exception and calls
    `work` again after a second.
    """

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        self._work = work
        self._wakes = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Let the thread call `work` soon. If `work` is running now, the thread calls it once more afterwards."""
        self._wakes.set()

    def close(self) -> None:
        """Stop, and wait until a running call of `work` has returned."""
        self._is_closing = True
        self._wakes.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closing:
            try:
                seconds = self._work()
            except Exception:  # noqa: BLE001 - any failure of the work must leave the thread alive
                _LOG.exception("the thread %s goes on after a failure", threading.current_thread().name)
                seconds = _SECONDS_AFTER_A_FAILURE
            self._wakes.wait(seconds)
            # Clear the event directly after the wait. If it were cleared between `work` and the wait, a wake-up during
            # `work` would be lost.
            self._wakes.clear()
