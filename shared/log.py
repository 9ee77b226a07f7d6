"""One JSON object a line on stdout, as Cloud Logging reads it."""

import sys
import threading
import traceback
from typing import Any

from shared import errors, jsontext

_LABELS = "logging.googleapis.com/labels"
# A pipe takes up to 4,096 bytes at once; the parts of longer lines could be mixed.
_WHOLE_LINE = threading.Lock()


def log(severity: str, message: str, **fields: Any) -> None:
    """Write one entry; `fields` become jsonPayload. Never pass rows or identifiers of people."""
    entry = {"severity": severity, "message": message, **_labels(), **fields}
    line = errors.told(jsontext.text(entry))
    # Cloud Functions sets LOG_EXECUTION_ID. With it functions-framework replaces sys.stdout by a stream that encodes
    # each line again, and writes it and its line break separately: lines of two threads could be mixed.
    stdout = sys.__stdout__ or sys.stdout
    with _WHOLE_LINE:
        stdout.write(f"{line}\n")
        stdout.flush()


def log_exception(message: str, **fields: Any) -> None:
    """Write an ERROR with the current exception's traceback, which Error Reporting groups by."""
    log("ERROR", message, stack_trace=traceback.format_exc(), **fields)


def _labels() -> dict[str, Any]:
    """Return the label by which Cloud Logging finds a request's lines, as functions-framework would add it."""
    # Loaded wherever a request is answered, and too slow to import for a command.
    flask = sys.modules.get("flask")
    execution = flask.request.headers.get("Function-Execution-Id") if flask and flask.has_request_context() else None
    return {_LABELS: {"execution_id": execution}} if execution else {}
