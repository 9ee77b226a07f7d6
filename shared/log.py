"""Write log lines to standard output: one JSON object per line, in the format of Cloud Logging."""

import sys
import threading
import traceback
from typing import Any, ClassVar

import msgspec

from shared import errors, jsontext

_LABELS = "logging.googleapis.com/labels"
# Writes to a pipe are atomic only up to 4,096 bytes. Without this lock, two threads that write longer lines could mix
# them.
_WHOLE_LINE = threading.Lock()


class LogEvent(msgspec.Struct, frozen=True):
    """One line of the log. Fields never hold table rows or identifiers of people."""

    event: ClassVar[str]
    """The event's name, `jsonPayload.event`."""
    severity: ClassVar[str] = "INFO"
    message: ClassVar[str]
    """Template for `jsonPayload.message`, with fields in braces."""

    def payload(self) -> dict[str, Any]:
        """Return `jsonPayload`: event, message and fields."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        words = {name: "; ".join(value) if isinstance(value, list) else value for name, value in fields.items()}
        return {"event": self.event, "message": self.message.format(**words), **fields}


def log(event: LogEvent, **more: Any) -> None:
    """Write one line with the event's fields and `more` fields, such as a stack trace."""
    line = errors.told(jsontext.text({"severity": event.severity, **_labels(), **event.payload(), **more}))
    # On Cloud Functions, functions-framework replaces sys.stdout with a stream that encodes each line again and writes
    # the line break separately. Lines of two threads could be mixed, so write to the original stream.
    stdout = sys.__stdout__ or sys.stdout
    with _WHOLE_LINE:
        stdout.write(f"{line}\n")
        stdout.flush()


def log_exception(event: LogEvent) -> None:
    """Write one line with the current exception's traceback, which Error Reporting uses to group errors."""
    log(event, stack_trace=traceback.format_exc())


def _labels() -> dict[str, Any]:
    """Return the label that groups a request's lines in Cloud Logging; empty outside a request.

    functions-framework adds this label to the lines of sys.stdout, but `log` does not write to sys.stdout.
    """
    # A process that answers requests has already imported Flask. In a command, importing Flask would take too long.
    flask = sys.modules.get("flask")
    execution = flask.request.headers.get("Function-Execution-Id") if flask and flask.has_request_context() else None
    return {_LABELS: {"execution_id": execution}} if execution else {}
