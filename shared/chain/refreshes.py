"""Every shape in which the world says "the data was refreshed", read as one.

a person's or the scheduler's JSON   {}, {"table": "ga_sessions_20170801"}, {"date": "2017-08-01"}, {"reason": "..."}
GA4's export status                  LogEntry of analyticsdata.googleapis.com, COMPLETE (jsonPayload or protoPayload)
a load job's audit log               LogEntry, BigQueryAuditMetadata or the older AuditData
a Data Transfer run                  TransferRun with state SUCCEEDED

One project may hold the exports of several properties, and all of them announce their days on the same topic. What
names another dataset than the export that is read announces nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from shared.errors import Malformed

if TYPE_CHECKING:
    from shared.settings import Settings

# GA4 names an export's dataset for its property.
GA4_DATASET = re.compile(r"analytics_(?P<property>\d+)")
TABLE = re.compile(r"(?P<prefix>[A-Za-z_]+_)(?P<day>\d{8})")
LOADED = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
KEYS = {"table", "date", "reason"}


# Between reasons for which one run is wanted.
SEPARATOR = "; "


@dataclass(frozen=True)
class Refresh:
    """What was said to be refreshed: one day, or whatever has changed (None); and why a run is wanted regardless."""

    day: date | None = None
    reason: str = ""

    def because(self, others: Iterable[str]) -> Refresh:
        """Return the refresh that is also wanted for these reasons."""
        both = dict.fromkeys([*others, *reasons(self.reason)])
        return replace(self, reason=SEPARATOR.join(both))


@dataclass(frozen=True)
class Export:
    """The export that is read; its day-tables are called `prefix`YYYYMMDD."""

    project: str
    dataset: str
    prefix: str

    @classmethod
    def of(cls, settings: Settings) -> Export:
        """Return the export that the settings name."""
        project, dataset = settings.source_dataset.rsplit(".", 1)
        return cls(project, dataset, settings.table_prefix)


def reasons(text: str) -> list[str]:
    """Return the reasons that a text joins; none for an empty one."""
    return [reason for reason in text.split(SEPARATOR) if reason]


def parse(body: Mapping[str, Any], export: Export) -> Refresh | None:
    """Return the refresh, or None when the message is understood and announces no new day-table of the export.

    Raises:
        Malformed: none of the shapes above, or a person's request for a table of another dataset.
    """
    if "logName" in body or "protoPayload" in body or "jsonPayload" in body:
        return _log_entry(body, export)
    if "state" in body and ("dataSourceId" in body or "destinationDatasetId" in body):
        # The run's name has the project's number, so only the dataset can be compared.
        is_of_export = (body.get("destinationDatasetId") or export.dataset) == export.dataset
        return Refresh() if body["state"] == "SUCCEEDED" and is_of_export else None
    return _request(body, export)


def _request(body: Mapping[str, Any], export: Export) -> Refresh:
    if unknown := body.keys() - KEYS:
        raise Malformed(
            f"unknown fields: {len(unknown)}. Send {{}} for whatever changed, or table, date, reason; "
            "or one of the shapes that GA4, BigQuery's audit log and Data Transfer publish"
        )
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise Malformed("reason is not a text")
    days = set()
    if "date" in body:
        days.add(_day(body["date"]))
    if "table" in body:
        days.add(_table_day(body["table"], export))
    if len(days) > 1:
        raise Malformed("table and date name two days")
    return Refresh(days.pop() if days else None, reason)


def _log_entry(entry: Mapping[str, Any], export: Export) -> Refresh | None:
    payload = _mapping(entry.get("jsonPayload")) or _mapping(entry.get("protoPayload"))
    if "export_status" in str(entry.get("logName", "")) or "ExportStatusLog" in str(payload.get("@type", "")):
        day = payload.get("exportDate") or payload.get("export_date")
        if day is None:
            raise Malformed("the export status names no exportDate")
        is_of_export = not _is_of_another_property(entry, export)
        return Refresh(_day(day)) if payload.get("status") == "COMPLETE" and is_of_export else None
    loaded = _loaded_table(payload)
    if loaded is None:
        raise Malformed("the log entry is neither a GA4 export status nor a finished load job")
    dataset, _, table = loaded.rpartition(".")
    match = TABLE.fullmatch(table)
    is_of_export = dataset == f"{export.project}.{export.dataset}"
    return Refresh(_day(match["day"])) if match and match["prefix"] == export.prefix and is_of_export else None


def _is_of_another_property(entry: Mapping[str, Any], export: Export) -> bool:
    """Whether an export status names another property than the dataset does; False where either names none."""
    told = _mapping(_mapping(entry.get("resource")).get("labels")).get("property_id")
    ours = GA4_DATASET.fullmatch(export.dataset)
    return bool(told and ours and str(told) != ours["property"])


def _loaded_table(payload: Mapping[str, Any]) -> str | None:
    """Return `project.dataset.table` of a load job's audit entry; "" when the job has not ended well."""
    change = _mapping(_mapping(payload.get("metadata")).get("jobChange"))
    if job := _mapping(change.get("job")):
        load = _mapping(_mapping(job.get("jobConfig")).get("loadConfig"))
        named = LOADED.fullmatch(str(load.get("destinationTable", "")))
        table = ".".join(named.groups()) if named else ""
        has_ended_well = change.get("after") == "DONE" and "errorResult" not in _mapping(job.get("jobStatus"))
        return (table if has_ended_well else "") if load else None
    event = _mapping(_mapping(payload.get("serviceData")).get("jobCompletedEvent"))
    if job := _mapping(event.get("job")):
        load = _mapping(_mapping(job.get("jobConfiguration")).get("load"))
        # The older format writes an empty error for a job without one.
        has_ended_well = not _mapping(_mapping(job.get("jobStatus")).get("error"))
        destination = _mapping(load.get("destinationTable"))
        table = ".".join(str(destination.get(key, "")) for key in ("projectId", "datasetId", "tableId"))
        return (table if has_ended_well else "") if load else None
    return None


def _table_day(table: Any, export: Export) -> date:
    dataset, _, name = str(table).rpartition(".")
    match = TABLE.fullmatch(name)
    if not match or match["prefix"] != export.prefix:
        raise Malformed(f"table is no day-table of the export: {export.prefix}YYYYMMDD")
    if dataset not in {"", export.dataset, f"{export.project}.{export.dataset}"}:
        raise Malformed(f"table is not in {export.project}.{export.dataset}, which is the export that is read")
    return _day(match["day"])


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise Malformed("the day is no date: write 2017-08-01 or 20170801") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
