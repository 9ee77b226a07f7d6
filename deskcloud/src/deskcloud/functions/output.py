"""Which function printed a line, where several functions share a process and its standard output."""

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
    """Attribute what this thread prints to `function`. A thread that it starts prints for nobody in particular."""
    token = _function.set(function)
    try:
        yield
    finally:
        _function.reset(token)


def split(line: str) -> tuple[str, str]:
    """The function (or "") and the text of a line that came through `Marked`."""
    function, separator, text = line.partition(_SEPARATOR)
    return (function, text) if separator else ("", line)


class Marked(io.TextIOBase):
    """A text stream that writes whole lines, each marked with the function that printed it."""

    def __init__(self, stream: TextIO, lock: threading.Lock) -> None:
        """`lock` is shared by all streams that end in the same pipe."""
        self._stream = stream
        self._lock = lock
        self._begun = threading.local()

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Pass on the lines that are whole; the rest waits for its end."""
        *whole, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        if whole:
            self._emit(whole)
        return len(text)

    def finish_line(self) -> None:
        """Write what this thread has begun and not ended."""
        if getattr(self._begun, "text", ""):
            self._emit([self._begun.text])
            self._begun.text = ""

    def _emit(self, lines: list[str]) -> None:
        mark = _function.get() + _SEPARATOR
        with self._lock:
            self._stream.write("".join(f"{mark}{line}\n" for line in lines))
            self._stream.flush()
