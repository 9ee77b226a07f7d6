"""One JSON object a line on stdout, as Cloud Logging reads it."""

import sys
import threading
import traceback
from typing import Any, ClassVar

import msgspec

from shared import errors, jsontext

_LABELS = "logging.googleapis.com/labels"
# A pipe takes up to 4,096 bytes at once; the parts of longer lines could be mixed.
_WHOLE_LINE = threading.Lock()


class LogEvent(msgspec.Struct, frozen=True):
    """One line of the log. Fields never hold rows or identifiers of people."""

    event: ClassVar[str]
    """Its name, `jsonPayload.event`."""
    severity: ClassVar[str] = "INFO"
    message: ClassVar[str]
    """A template for `jsonPayload.message`, which names fields."""

    def payload(self) -> dict[str, Any]:
        """Return `jsonPayload`, the message included."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        words = {name: "; ".join(value) if isinstance(value, list) else value for name, value in fields.items()}
        return {"event": self.event, "message": self.message.format(**words), **fields}


def log(event: LogEvent, **more: Any) -> None:
    """Write one line: the event's fields, and `more` of what every event may have."""
    line = errors.told(jsontext.text({"severity": event.severity, **_labels(), **event.payload(), **more}))
    # Cloud Functions sets LOG_EXECUTION_ID. With it functions-framework replaces sys.stdout by a stream that encodes
    # each line again, and writes it and its line break separately: lines of two threads could be mixed.
    stdout = sys.__stdout__ or sys.stdout
    with _WHOLE_LINE:
        stdout.write(f"{line}\n")
        stdout.flush()


def log_exception(event: LogEvent) -> None:
    """Write one line with the current exception's traceback, by which Error Reporting groups."""
    log(event, stack_trace=traceback.format_exc())


def _labels() -> dict[str, Any]:
    """Return the label by which Cloud Logging finds a request's lines, as functions-framework would add it."""
    # Loaded wherever a request is answered, and too slow to import for a command.
    flask = sys.modules.get("flask")
    execution = flask.request.headers.get("Function-Execution-Id") if flask and flask.has_request_context() else None
    return {_LABELS: {"execution_id": execution}} if execution else {}
