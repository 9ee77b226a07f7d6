"""Parse the messages that announce a refresh, on the topic data-refreshed. The messages have several formats.

a person's or the scheduler's JSON   {}, {"table": "ga_sessions_20170801"}, {"date": "2017-08-01"}, {"reason": "..."}
GA4's export status                  LogEntry of analyticsdata.googleapis.com, COMPLETE (jsonPayload or protoPayload)
a load job's audit log               LogEntry, BigQueryAuditMetadata or the older AuditData
a Data Transfer run                  TransferRun with state SUCCEEDED

A project may contain the exports of several Google Analytics properties, which all announce their days on this topic.
Messages about another dataset than the configured export are ignored.
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

# The name of a GA4 export's dataset contains the property's id.
GA4_DATASET = re.compile(r"analytics_(?P<property>\d+)")
TABLE = re.compile(r"(?P<prefix>[A-Za-z_]+_)(?P<day>\d{8})")
LOADED = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
KEYS = {"table", "date", "reason"}
# Separates the reasons of one run.
SEPARATOR = "; "


@dataclass(frozen=True)
class Refresh:
    """A refresh of one day, or of all changed days if `day` is None. A `reason` opens a run even if no data changed."""

    day: date | None = None
    reason: str = ""

    def because(self, others: Iterable[str]) -> Refresh:
        """Return a copy of this refresh. The copy has the reasons `others` and this refresh's reasons, each once."""
        both = dict.fromkeys([*others, *reasons(self.reason)])
        return replace(self, reason=SEPARATOR.join(both))


@dataclass(frozen=True)
class Export:
    """The export that the settings name; its day-tables are named `prefix`YYYYMMDD."""

    project: str
    dataset: str
    prefix: str

    @classmethod
    def of(cls, settings: Settings) -> Export:
        """Return the export that the section `source` of the settings describes."""
        project, dataset = settings.source_dataset.rsplit(".", 1)
        return cls(project, dataset, settings.table_prefix)


def reasons(text: str) -> list[str]:
    """Split a text into its reasons; an empty text has none."""
    return [reason for reason in text.split(SEPARATOR) if reason]


def parse(body: Mapping[str, Any], export: Export) -> Refresh | None:
    """Return the refresh, or None if the message is valid but announces no new day-table of the export.

    Raises:
        Malformed: the message has none of the formats listed at the top of this file, or asks for a table outside the
        export.
    """
    if "logName" in body or "protoPayload" in body or "jsonPayload" in body:
        return _log_entry(body, export)
    if "state" in body and ("dataSourceId" in body or "destinationDatasetId" in body):
        # The name of a Data Transfer run contains the project's number, and the settings have the project's id. So
        # compare only the dataset.
        is_of_export = (body.get("destinationDatasetId") or export.dataset) == export.dataset
        return Refresh() if body["state"] == "SUCCEEDED" and is_of_export else None
    return _request(body, export)


def _request(body: Mapping[str, Any], export: Export) -> Refresh:
    if unknown := body.keys() - KEYS:
        raise Malformed(
            f"unknown fields: {len(unknown)}. Send {{}} for all changed days, or the fields table, date, reason; "
            "or a message of GA4's export, BigQuery's audit log or Data Transfer"
        )
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise Malformed("reason is not a string")
    days = set()
    if "date" in body:
        days.add(_day(body["date"]))
    if "table" in body:
        days.add(_table_day(body["table"], export))
    if len(days) > 1:
        raise Malformed("table and date name different days")
    return Refresh(days.pop() if days else None, reason)


def _log_entry(entry: Mapping[str, Any], export: Export) -> Refresh | None:
    payload = _mapping(entry.get("jsonPayload")) or _mapping(entry.get("protoPayload"))
    if "export_status" in str(entry.get("logName", "")) or "ExportStatusLog" in str(payload.get("@type", "")):
        day = payload.get("exportDate") or payload.get("export_date")
        if day is None:
            raise Malformed("the export status has no exportDate")
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
    """Return whether an export status and the export's dataset name different properties.

    Return False if the export status or the dataset's name contains no property id.
    """
    told = _mapping(_mapping(entry.get("resource")).get("labels")).get("property_id")
    ours = GA4_DATASET.fullmatch(export.dataset)
    return bool(told and ours and str(told) != ours["property"])


def _loaded_table(payload: Mapping[str, Any]) -> str | None:
    """Return the table of a load job's audit entry as `project.dataset.table`.

    Return "" if the job has not succeeded, and None if the entry is not about a load job.
    """
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
        # In the older format, a job without an error has an empty error.
        has_ended_well = not _mapping(_mapping(job.get("jobStatus")).get("error"))
        destination = _mapping(load.get("destinationTable"))
        table = ".".join(str(destination.get(key, "")) for key in ("projectId", "datasetId", "tableId"))
        return (table if has_ended_well else "") if load else None
    return None


def _table_day(table: Any, export: Export) -> date:
    dataset, _, name = str(table).rpartition(".")
    match = TABLE.fullmatch(name)
    if not match or match["prefix"] != export.prefix:
        raise Malformed(f"table is not a day-table of the export: {export.prefix}YYYYMMDD")
    if dataset not in {"", export.dataset, f"{export.project}.{export.dataset}"}:
        raise Malformed(f"table is not in the export's dataset {export.project}.{export.dataset}")
    return _day(match["day"])


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise Malformed("the day is not a date: write 2017-08-01 or 20170801") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
