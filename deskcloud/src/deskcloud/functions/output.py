"""Attribute printed lines to functions that share a process and its standard output."""

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
    """Attribute this thread's output to `function`. Threads that it starts are not attributed."""
    token = _function.set(function)
    try:
        yield
    finally:
        _function.reset(token)


def split(line: str) -> tuple[str, str]:
    """Return the function (or "") and the text of a line written by `Marked`."""
    function, separator, text = line.partition(_SEPARATOR)
    return (function, text) if separator else ("", line)


class Marked(io.TextIOBase):
    """A text stream that writes whole lines, each marked with the function that printed it."""

    def __init__(self, stream: TextIO, lock: threading.Lock) -> None:
        """Write to `stream`; all streams to the same pipe share `lock`."""
        self._stream = stream
        self._lock = lock
        self._begun = threading.local()

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the underlying stream."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write the complete lines; keep the rest until its line ends."""
        *whole, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        if whole:
            self._emit(whole)
        return len(text)

    def finish_line(self) -> None:
        """Write this thread's unfinished line."""
        if getattr(self._begun, "text", ""):
            self._emit([self._begun.text])
            self._begun.text = ""

    def _emit(self, lines: list[str]) -> None:
        mark = _function.get() + _SEPARATOR
        with self._lock:
            self._stream.write("".join(f"{mark}{line}\n" for line in lines))
            self._stream.flush()
