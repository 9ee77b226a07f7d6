"""Build LogEntry JSON from a line that a function prints, or from an entry that a client writes."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from deskcloud.logs.filter import SEVERITIES

_PREFIX = "logging.googleapis.com/"
_MOVED = {
    "httpRequest": "httpRequest",
    "time": "timestamp",
    "timestamp": "timestamp",
    f"{_PREFIX}insertId": "insertId",
    f"{_PREFIX}labels": "labels",
    f"{_PREFIX}operation": "operation",
    f"{_PREFIX}sourceLocation": "sourceLocation",
    f"{_PREFIX}spanId": "spanId",
    f"{_PREFIX}trace": "trace",
    f"{_PREFIX}trace_sampled": "traceSampled",
}
"""Maps keys of a printed JSON line to fields of the LogEntry."""


def entry_from_line(line: str, service: str, project: str = "local") -> dict[str, Any]:
    """Return the LogEntry that Cloud Run makes of a line on stdout or stderr.

    A line that is not a JSON object becomes textPayload. A JSON object becomes jsonPayload. Keys that the logging agent
    recognises (severity, time, trace and others) move from jsonPayload to the entry. If jsonPayload then has only the
    text `message`, this text becomes textPayload. `service` is the function's deployed name.
    """
    entry: dict[str, Any] = {
        "logName": f"projects/{project}/logs/run.googleapis.com%2Fstdout",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"project_id": project, "service_name": service},
        },
    }
    payload = _json_object(line)
    if payload is None:
        return {**entry, "textPayload": line.rstrip("\r\n")}
    severity = str(payload.get("severity", "")).upper()
    if severity in SEVERITIES:
        entry["severity"] = severity
        del payload["severity"]
    for key, field in _MOVED.items():
        if key in payload:
            entry[field] = payload.pop(key)
    if payload.keys() == {"message"} and isinstance(payload["message"], str):
        return {**entry, "textPayload": payload["message"]}
    return {**entry, "jsonPayload": payload}


def completed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with the fields that Cloud Logging adds: insertId, timestamp, receiveTimestamp and severity.

    receiveTimestamp is always the current time. The other fields are added only if the entry does not have them. An
    invalid timestamp is replaced by the current time.
    """
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    whole = {
        "insertId": uuid.uuid4().hex[:16],
        "timestamp": now,
        "severity": "DEFAULT",
        **entry,
        "receiveTimestamp": now,
    }
    if moment(whole["timestamp"]) is None:
        whole["timestamp"] = now  # each entry needs a valid time, because lists are sorted by time
    return whole


def moment(timestamp: Any) -> datetime | None:
    """Parse an RFC 3339 timestamp to the microsecond. Return None if the text is not a timestamp with an offset."""
    try:
        parsed = datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        return None
    return parsed if parsed.tzinfo else None


def _json_object(line: str) -> dict[str, Any] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        payload = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None
