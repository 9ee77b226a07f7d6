"""The time until which a delivery may wait for Google's services."""

import time

# Minimum timeout of a request, in seconds. A request that starts near the deadline has this time for its answer.
MINIMUM_TIMEOUT = 10.0
# Minimum wait for a job, in seconds. After the deadline, this wait suffices to see that a job has ended.
MINIMUM_WAIT = 1.0


class Deadline:
    """A time that lies `seconds` in the future."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self._at

    @property
    def wait_seconds(self) -> float:
        """How long to wait for a job or an operation, in seconds: until the deadline, but at least MINIMUM_WAIT."""
        return max(self._at - time.monotonic(), MINIMUM_WAIT)

    @property
    def request_timeout(self) -> float:
        """The timeout of a request with its retries, in seconds: until the deadline, but at least MINIMUM_TIMEOUT."""
        return max(self._at - time.monotonic(), MINIMUM_TIMEOUT)
