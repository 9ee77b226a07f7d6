"""One JSON object a line on stdout, as Cloud Logging reads it."""

import json
import sys
import traceback
from typing import Any


def log(severity: str, message: str, **fields: Any) -> None:
    """Write one entry; `fields` become jsonPayload. Never pass rows or identifiers of people."""
    print(  # noqa: T201 - stdout is the logging transport of Cloud Run
        json.dumps({"severity": severity, "message": message, **fields}, default=str),
        file=sys.stdout,
        flush=True,
    )


def log_exception(message: str, **fields: Any) -> None:
    """Write an ERROR with the current exception's traceback, which Error Reporting groups by."""
    log("ERROR", message, stack_trace=traceback.format_exc(), **fields)
