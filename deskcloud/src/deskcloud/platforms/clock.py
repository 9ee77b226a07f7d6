"""The platforms' clock. A test can move it forward, so that requests are processed and tokens expire at once."""

import json
import threading
import time
from pathlib import Path

from deskcloud import jsontext


class Clock:
    """The time of this machine plus an offset. The offset is stored in `file`, so it remains after a restart."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()
        self._offset: float = json.loads(file.read_text()) if file.exists() else 0.0

    def now(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> float:
        """Move the clock forward by `seconds`, and return the new time."""
        with self._lock:
            self._offset += seconds
            fresh = self._file.with_suffix(".new")
            fresh.write_text(jsontext.text(self._offset))
            fresh.replace(self._file)
        return self.now()
