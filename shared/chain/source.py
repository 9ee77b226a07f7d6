"""The Google Analytics export: its day-tables, which of them have changed, and the columns that the chain reads."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from google.api_core.exceptions import Forbidden

from shared.chain.opened_runs import DayState, Reading
from shared.errors import Permanent, is_final, told
from shared.settings import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from google.cloud import bigquery

    from shared.chain.environment import Environment
    from shared.chain.refreshes import Refresh
    from shared.settings import Settings


# The columns of a day-table that the chain always reads, by kind of export.
COLUMNS = {
    "ga360": [
        "fullVisitorId",
        "visitId",
        "visitNumber",
        "visitStartTime",
        "date",
        "channelGrouping",
        "totals.visits",
        "totals.hits",
        "totals.pageviews",
        "totals.timeOnSite",
        "totals.bounces",
        "totals.newVisits",
        "totals.totalTransactionRevenue",
        "trafficSource.source",
        "trafficSource.medium",
        "device.deviceCategory",
        "geoNetwork.country",
        "hits.hitNumber",
        "hits.hour",
        "hits.eCommerceAction.action_type",
        "hits.transaction.transactionId",
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
        "event_params.value.float_value",
        "event_params.value.double_value",
        "user_pseudo_id",
        "traffic_source.source",
        "traffic_source.medium",
        "device.category",
        "geo.country",
        "ecommerce.purchase_revenue",
        "ecommerce.transaction_id",
        "items.item_id",
        "items.quantity",
    ],
}
# Columns that the chain also reads if the label is an event other than a purchase.
COLUMNS_OF_EVENTS = {
    "ga360": ["hits.eventInfo.eventCategory", "hits.eventInfo.eventAction", "hits.eventInfo.eventValue"],
    "ga4": [],
}
# Columns that an export may lack, by their identifier in sql/sessions. GA4 has exported
# collected_traffic_source since 2023, session_traffic_source_last_click since July 2024, and its field
# cross_channel_campaign since October 2024.
_COLLECTED, _LAST_CLICK = "collected_traffic_source", "session_traffic_source_last_click"
OPTIONAL_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "ga360": {"ga360_user_id": "userId"},
    "ga4": {
        "user_id": "user_id",
        "first_campaign": "traffic_source.name",
        "collected_source": f"{_COLLECTED}.manual_source",
        "collected_medium": f"{_COLLECTED}.manual_medium",
        "collected_campaign": f"{_COLLECTED}.manual_campaign_name",
        "collected_gclid": f"{_COLLECTED}.gclid",
        "manual_source": f"{_LAST_CLICK}.manual_campaign.source",
        "manual_medium": f"{_LAST_CLICK}.manual_campaign.medium",
        "manual_campaign": f"{_LAST_CLICK}.manual_campaign.campaign_name",
        "google_ads_campaign": f"{_LAST_CLICK}.google_ads_campaign.campaign_name",
        "last_click_source": f"{_LAST_CLICK}.cross_channel_campaign.source",
        "last_click_medium": f"{_LAST_CLICK}.cross_channel_campaign.medium",
        "last_click_campaign": f"{_LAST_CLICK}.cross_channel_campaign.campaign_name",
        "last_click_channel": f"{_LAST_CLICK}.cross_channel_campaign.default_channel_group",
    },
}


def columns_read(settings: Settings) -> list[str]:
    """Return the columns of a day-table that the chain reads, given the kind of export and the label."""
    kind = settings.source.kind
    return COLUMNS[kind] + (COLUMNS_OF_EVENTS[kind] if settings.label.event != PURCHASE else [])


def optional_columns(kind: str, present: Collection[str]) -> dict[str, str]:
    """Return the SQL for each optional column, by identifier: the column if it is present, otherwise null."""
    return {name: column if column in present else "null" for name, column in OPTIONAL_COLUMNS[kind].items()}


def look(refresh: Refresh, environment: Environment, today: date, asked_at: datetime) -> Reading:
    """Read the current state of the export. The same data give the same reading.

    `asked_at` is the time of the message that requests the run. If a right is missing and the message is old, the
    missing right is reported in `Reading.problem`. If the message is recent, the right may have just been granted and
    take effect soon, so Forbidden is raised for a retry.

    Raises:
        Forbidden: a quota is used up, or a right is missing and the message is recent.
    """
    settings = environment.settings
    try:
        rows = environment.query("source/day_tables", {"prefix": settings.table_prefix}, source=settings.source_dataset)
    except (Permanent, Forbidden) as error:
        if not is_final(error, asked_at):
            raise
        problem = f"the export cannot be read: {told(error)}"
        return Reading(as_of=refresh.day or today, reason=refresh.reason, problem=problem)
    days = {row["day"]: DayState(row["row_count"], row["last_modified"], row["is_changed"]) for row in rows}
    as_of = max(days, default=refresh.day or today)
    if not days and newest_table(environment):
        problem = _streams_only(environment.settings)
    else:
        problem = _problem(refresh, days, settings.source_dataset, settings.table_prefix)
    return Reading(as_of=as_of, reason=refresh.reason, problem=problem, days=days)


def newest_table(environment: Environment) -> str | None:
    """Return the day-table, or the table of the current day, that was created last; None if there is no table.

    BigQuery takes the columns of the whole export from this table.
    """
    settings = environment.settings
    rows = environment.query("source/newest_table", {"prefix": settings.table_prefix}, source=settings.source_dataset)
    return rows[0]["table_id"] if rows else None


def columns_of(table: str, environment: Environment) -> set[str]:
    """Return the paths of all columns and nested fields of a table, e.g. `totals` and `totals.visits`."""
    return set(_paths(environment.bigquery.get_table(table).schema))


def _paths(schema: Iterable[bigquery.SchemaField], prefix: str = "") -> Iterator[str]:
    for column in schema:
        yield prefix + column.name
        yield from _paths(column.fields, f"{prefix}{column.name}.")


def _problem(refresh: Refresh, days: dict[date, DayState], dataset: str, prefix: str) -> str:
    if not days:
        return f"dataset {dataset} holds no table {prefix}YYYYMMDD"
    if refresh.day and refresh.day not in days:
        return f"there is no table {prefix}{refresh.day:%Y%m%d} in dataset {dataset}"
    empty = [day for day, table in days.items() if table.row_count == 0 and (table.is_changed or day == refresh.day)]
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
    """Return the days whose sessions may change.

    These are the changed days and their neighbours, because a session may cross midnight.
    """
    near = {day + timedelta(days=offset) for day in changed for offset in (-1, 0, 1)}
    return sorted(near & set(existing))


def chunks(days: list[date], size: int = 300) -> list[list[date]]:
    """Split the days into lists of at most `size` days.

    A query may reference at most 1,000 tables. A query for 300 days may read 900, because it may read the days before
    and after each of them.
    """
    return [days[start : start + size] for start in range(0, len(days), size)]
