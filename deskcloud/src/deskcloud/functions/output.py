"""Mark each printed line with the function that printed it, because several functions share one standard output."""

import contextlib
import io
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TextIO

_SEPARATOR = "\x1f"

_function: ContextVar[str] = ContextVar("function", default="")


@contextlib.contextmanager
def printed_by(function: str) -> Iterator[None]:
    """Add the mark `function` to each line that this thread prints. Lines of other threads get no function's name."""
    token = _function.set(function)
    try:
        yield
    finally:
        _function.reset(token)


def split(line: str) -> tuple[str, str]:
    """Return the function's name and the printed text of a line that `Marked` has written. An unknown name is ""."""
    function, separator, text = line.partition(_SEPARATOR)
    return (function, text) if separator else ("", line)


class Marked(io.TextIOBase):
    """A text stream that writes whole lines. Each line begins with the name of the function that printed the line."""

    def __init__(self, stream: TextIO, lock: threading.Lock) -> None:
        """Write to `stream`. All streams that write to the same pipe must have the same `lock`."""
        self._stream = stream
        self._lock = lock
        self._begun = threading.local()

    def writable(self) -> bool:
        """Return True, because text can be written to this stream."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the underlying stream."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write the complete lines of `text`. Keep an incomplete last line until it is complete."""
        *whole, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        if whole:
            self._emit(whole)
        return len(text)

    def finish_line(self) -> None:
        """Write this thread's incomplete line."""
        if getattr(self._begun, "text", ""):
            self._emit([self._begun.text])
            self._begun.text = ""

    def _emit(self, lines: list[str]) -> None:
        mark = _function.get() + _SEPARATOR
        with self._lock:
            self._stream.write("".join(f"{mark}{line}\n" for line in lines))
            self._stream.flush()
