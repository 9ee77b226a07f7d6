"""Every shape in which the world says "the data was refreshed", read as one.

a person's or the scheduler's JSON   {}, {"table": "ga_sessions_20170801"}, {"date": "2017-08-01"}, {"reason": "..."}
GA4's export status                  LogEntry of analyticsdata.googleapis.com, COMPLETE (jsonPayload or protoPayload)
a load job's audit log               LogEntry, BigQueryAuditMetadata or the older AuditData
a Data Transfer run                  TransferRun with state SUCCEEDED
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.errors import Malformed

TABLE = re.compile(r"(?P<prefix>[A-Za-z_]+_)(?P<day>\d{8})")
KEYS = {"table", "date", "reason"}


@dataclass(frozen=True)
class Refresh:
    """What was said to be refreshed: one day, or whatever has changed (None); and why a run is wanted regardless."""

    day: date | None = None
    reason: str = ""

    def because(self, reasons: Iterable[str]) -> Refresh:
        """Return the refresh that is also wanted for these reasons."""
        both = dict.fromkeys([*reasons, *filter(None, [self.reason])])
        return replace(self, reason="; ".join(both))


def parse(body: Mapping[str, Any], prefix: str) -> Refresh | None:
    """Return the refresh, or None when the message is understood and announces no new day-table.

    `prefix` is what the export's day-tables are called before the date.

    Raises:
        Malformed: none of the shapes above.
    """
    if "logName" in body or "protoPayload" in body or "jsonPayload" in body:
        return _log_entry(body, prefix)
    if "state" in body and ("dataSourceId" in body or "destinationDatasetId" in body):
        return Refresh() if body["state"] == "SUCCEEDED" else None
    return _request(body, prefix)


def _request(body: Mapping[str, Any], prefix: str) -> Refresh:
    if unknown := sorted(body.keys() - KEYS):
        raise Malformed(
            f"{', '.join(unknown)}: not known here. Send {{}} for whatever changed, or table, date, reason; "
            "or one of the shapes that GA4, BigQuery's audit log and Data Transfer publish"
        )
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise Malformed(f"reason is {reason!r}, not a text")
    days = set()
    if "date" in body:
        days.add(_day(body["date"]))
    if "table" in body:
        days.add(_table_day(body["table"], prefix))
    if len(days) > 1:
        raise Malformed(f"table {body['table']} and date {body['date']} name two days")
    return Refresh(days.pop() if days else None, reason)


def _log_entry(entry: Mapping[str, Any], prefix: str) -> Refresh | None:
    payload = _mapping(entry.get("jsonPayload")) or _mapping(entry.get("protoPayload"))
    if "export_status" in str(entry.get("logName", "")) or "ExportStatusLog" in str(payload.get("@type", "")):
        day = payload.get("exportDate") or payload.get("export_date")
        if day is None:
            raise Malformed("the export status names no exportDate")
        return Refresh(_day(day)) if payload.get("status") == "COMPLETE" else None
    table = _loaded_table(payload)
    if table is None:
        raise Malformed("the log entry is neither a GA4 export status nor a finished load job")
    match = TABLE.fullmatch(table)
    return Refresh(_day(match["day"])) if match and match["prefix"] == prefix else None


def _loaded_table(payload: Mapping[str, Any]) -> str | None:
    """Return the table that a load job's audit entry names; "" when the job has not ended well."""
    change = _mapping(_mapping(payload.get("metadata")).get("jobChange"))
    if job := _mapping(change.get("job")):
        load = _mapping(_mapping(job.get("jobConfig")).get("loadConfig"))
        table = str(load.get("destinationTable", "")).rpartition("/tables/")[2]
        has_ended_well = change.get("after") == "DONE" and "errorResult" not in _mapping(job.get("jobStatus"))
        return (table if has_ended_well else "") if load else None
    event = _mapping(_mapping(payload.get("serviceData")).get("jobCompletedEvent"))
    if job := _mapping(event.get("job")):
        load = _mapping(_mapping(job.get("jobConfiguration")).get("load"))
        # The older format writes an empty error for a job without one.
        has_ended_well = not _mapping(_mapping(job.get("jobStatus")).get("error"))
        table = str(_mapping(load.get("destinationTable")).get("tableId", ""))
        return (table if has_ended_well else "") if load else None
    return None


def _table_day(table: Any, prefix: str) -> date:
    name = str(table).rpartition(".")[2]
    match = TABLE.fullmatch(name)
    if not match or match["prefix"] != prefix:
        raise Malformed(f"table {table!r} is no day-table of the export: {prefix}YYYYMMDD")
    return _day(match["day"])


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise Malformed(f"{value!r} is no date; write 2017-08-01 or 20170801") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
