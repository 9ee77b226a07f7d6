"""The Google Analytics export as a run sees it: which day-tables there are, which changed, which columns are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Forbidden

from shared import jsontext
from shared.errors import Permanent, is_final, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.chain.refreshes import Refresh
    from shared.cloud import Clients
    from shared.settings import Settings


# What the chain reads of a day-table.
COLUMNS = {
    "ga360": [
        "fullVisitorId",
        "visitId",
        "visitNumber",
        "visitStartTime",
        "date",
        "channelGrouping",
        "totals.hits",
        "totals.pageviews",
        "totals.timeOnSite",
        "totals.bounces",
        "totals.newVisits",
        "totals.transactions",
        "totals.totalTransactionRevenue",
        "trafficSource.source",
        "trafficSource.medium",
        "device.deviceCategory",
        "geoNetwork.country",
        "hits.hitNumber",
        "hits.hour",
        "hits.eCommerceAction.action_type",
        "hits.product.productSKU",
        "hits.product.productQuantity",
        "hits.product.isImpression",
    ],
    "ga4": [
        "event_date",
        "event_timestamp",
        "event_name",
        "event_params.key",
        "event_params.value.string_value",
        "event_params.value.int_value",
        "user_pseudo_id",
        "traffic_source.source",
        "traffic_source.medium",
        "device.category",
        "geo.country",
        "ecommerce.purchase_revenue",
        "items.item_id",
        "items.quantity",
    ],
}


@dataclass(frozen=True)
class DayTable:
    """A day-table as it stood when the run looked; `last_modified` in milliseconds since 1970."""

    day: date
    row_count: int
    last_modified: int
    is_changed: bool

    @property
    def seen(self) -> tuple[date, int, int]:
        """What tells one state of the table from another."""
        return self.day, self.row_count, self.last_modified


@dataclass(frozen=True)
class Reading:
    """What a run reads, fixed when it is opened, and what is wrong with it, if anything."""

    run_id: str
    as_of: date
    reason: str
    tables: list[DayTable]
    problem: str = ""

    @property
    def changed(self) -> list[DayTable]:
        """The day-tables that are new or differ from when they were last read."""
        return [table for table in self.tables if table.is_changed]

    @property
    def first_touched(self) -> date:
        """The first day that the changes touch: also days without a table count, since time went by in a gap."""
        known = [table.day + timedelta(days=1) for table in self.tables if not table.is_changed]
        first_changed = min(table.day for table in self.changed)
        return min(first_changed, max(known, default=first_changed))

    def again(self) -> Reading:
        """Return the same reading for another run, whose id follows from this one's."""
        return replace(self, run_id=_run_id(self.as_of, self.run_id))

    def to_json(self) -> dict[str, Any]:
        """Return the document that `from_json` reads."""
        return {
            "as_of": self.as_of.isoformat(),
            "reason": self.reason,
            "problem": self.problem,
            "days": {
                table.day.isoformat(): [table.row_count, table.last_modified, table.is_changed] for table in self.tables
            },
        }

    @classmethod
    def from_json(cls, run_id: str, document: dict[str, Any]) -> Reading:
        """Read what the run was opened with."""
        tables = [DayTable(date.fromisoformat(day), *table) for day, table in document["days"].items()]
        as_of = date.fromisoformat(document["as_of"])
        return cls(run_id, as_of, document["reason"], tables, document["problem"])


def look(refresh: Refresh, clients: Clients, today: date, asked_at: datetime) -> Reading:
    """See what the export holds now, for a message of that time. Two looks at the same data give the same run.

    Raises:
        Forbidden: a right is missing that may have been granted since, or a quota is used up.
    """
    settings = clients.settings
    try:
        rows = clients.query("source/day_tables", {"prefix": settings.table_prefix}, source=settings.source_dataset)
    except (Permanent, Forbidden) as error:
        if not is_final(error, asked_at):
            raise
        return _reading(refresh, refresh.day or today, [], f"the export cannot be read: {told(error)}")
    tables = [DayTable(**row) for row in rows]
    as_of = max((table.day for table in tables), default=refresh.day or today)
    if not tables and newest_table(clients):
        return _reading(refresh, as_of, [], _streams_only(clients.settings))
    return _reading(refresh, as_of, tables, _problem(refresh, tables, settings.source_dataset, settings.table_prefix))


def newest_table(clients: Clients) -> str | None:
    """Return the table whose columns BigQuery takes for the whole export; None where the export has no table."""
    settings = clients.settings
    rows = clients.query("source/newest_table", {"prefix": settings.table_prefix}, source=settings.source_dataset)
    return rows[0]["table_id"] if rows else None


def _reading(refresh: Refresh, as_of: date, tables: list[DayTable], problem: str) -> Reading:
    seen = [table.seen for table in tables]
    run_id = _run_id(as_of, jsontext.text([seen, refresh.reason, problem]))
    return Reading(run_id, as_of, refresh.reason, tables, problem)


def _run_id(as_of: date, named_for: str) -> str:
    return f"{as_of:%Y%m%d}-{hashlib.sha256(named_for.encode()).hexdigest()[:8]}"


def _problem(refresh: Refresh, tables: list[DayTable], dataset: str, prefix: str) -> str:
    if not tables:
        return f"dataset {dataset} holds no table {prefix}YYYYMMDD"
    if refresh.day and refresh.day not in {table.day for table in tables}:
        return f"there is no table {prefix}{refresh.day:%Y%m%d} in dataset {dataset}"
    empty = [table.day for table in tables if table.row_count == 0 and (table.is_changed or table.day == refresh.day)]
    if empty:
        return f"table {prefix}{empty[-1]:%Y%m%d} in dataset {dataset} is empty"
    return ""


def _streams_only(settings: Settings) -> str:
    prefix = settings.table_prefix
    remedy = {
        "ga4": "Turn on its daily export: in Google Analytics, Admin > Product links > BigQuery links, choose Daily. "
        "The first day-table comes within a day",
        "ga360": "The first one comes when the first day is over",
    }[settings.source.kind]
    return (
        f"dataset {settings.source_dataset} holds no table {prefix}YYYYMMDD, only tables of the current day such as "
        f"{prefix}intraday_YYYYMMDD, which the chain does not read. {remedy}"
    )


def days_to_rebuild(changed: Iterable[date], existing: Iterable[date]) -> list[date]:
    """Return the days whose sessions a change may touch: a session that crosses midnight touches its neighbour."""
    near = {day + timedelta(days=offset) for day in changed for offset in (-1, 0, 1)}
    return sorted(near & set(existing))


def chunks(days: list[date], size: int = 300) -> list[list[date]]:
    """Cut days into pieces, since one query may name 1,000 tables."""
    return [days[start : start + size] for start in range(0, len(days), size)]
