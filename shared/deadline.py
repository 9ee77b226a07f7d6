"""How long one delivery may wait for Google's services: one moment, whatever it waits for."""

import time

# Minimum request timeout, in seconds: a request that is made late still has the time to be answered.
MINIMUM_TIMEOUT = 10.0
# Minimum wait, in seconds: what has ended already is seen, however late it is.
MINIMUM_WAIT = 1.0


class Deadline:
    """The moment so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        """Whether there is no time left."""
        return time.monotonic() > self._at

    @property
    def wait_seconds(self) -> float:
        """How long to wait for what goes on elsewhere."""
        return max(self._at - time.monotonic(), MINIMUM_WAIT)

    @property
    def request_timeout(self) -> float:
        """The timeout of a request with all its retries, in seconds."""
        return max(self._at - time.monotonic(), MINIMUM_TIMEOUT)
