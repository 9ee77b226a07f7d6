"""Arrow schemas of the two Google Analytics exports: the columns that are kept, with the types that Google documents.

GA360: one row per session, in tables `ga_sessions_YYYYMMDD`. GA4: one row per event, in tables `events_YYYYMMDD`.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

INT, REAL, TEXT, FLAG = pa.int64(), pa.float64(), pa.string(), pa.bool_()


def _record(ints: str = "", texts: str = "", flags: str = "", **nested: pa.DataType) -> pa.DataType:
    """Return a struct type. `ints`, `texts` and `flags` list the names of the fields, separated by spaces.

    The order of the fields does not matter to BigQuery.
    """
    fields = [(name, INT) for name in ints.split()]
    fields += [(name, TEXT) for name in texts.split()]
    fields += [(name, FLAG) for name in flags.split()]
    return pa.struct([*fields, *nested.items()])


GA360: Final = pa.schema(
    {
        "visitorId": INT,
        "visitNumber": INT,
        "visitId": INT,
        "visitStartTime": INT,
        "date": TEXT,
        "totals": _record(
            "visits hits pageviews timeOnSite bounces transactions transactionRevenue newVisits "
            "totalTransactionRevenue sessionQualityDim"
        ),
        "trafficSource": _record(texts="referralPath campaign source medium keyword adContent", flags="isTrueDirect"),
        "device": _record(texts="browser operatingSystem deviceCategory", flags="isMobile"),
        "geoNetwork": _record(texts="continent subContinent country region metro city networkDomain"),
        "customDimensions": pa.list_(_record("index", "value")),
        "hits": pa.list_(
            _record(
                "hitNumber time hour minute",
                "type",
                "isInteraction isEntrance isExit",
                page=_record(texts="pagePath hostname pageTitle"),
                transaction=_record("transactionRevenue", "transactionId"),
                eCommerceAction=_record("step", "action_type"),
                eventInfo=_record("eventValue", "eventCategory eventAction eventLabel"),
                product=pa.list_(
                    _record(
                        "productPrice productQuantity productRevenue",
                        "productSKU v2ProductName v2ProductCategory",
                        "isImpression",
                    )
                ),
            )
        ),
        "fullVisitorId": TEXT,
        "userId": TEXT,
        "channelGrouping": TEXT,
        "socialEngagementType": TEXT,
    }
)

_GA4_VALUE = {"string_value": TEXT, "int_value": INT, "float_value": REAL, "double_value": REAL}

GA4: Final = pa.schema(
    {
        "event_date": TEXT,
        "event_timestamp": INT,
        "event_name": TEXT,
        "event_params": pa.list_(pa.struct({"key": TEXT, "value": pa.struct(_GA4_VALUE)})),
        "event_previous_timestamp": INT,
        "event_value_in_usd": REAL,
        "event_bundle_sequence_id": INT,
        "user_id": TEXT,
        "user_pseudo_id": TEXT,
        "privacy_info": _record(texts="analytics_storage ads_storage uses_transient_token"),
        "user_properties": pa.list_(
            pa.struct({"key": TEXT, "value": pa.struct({**_GA4_VALUE, "set_timestamp_micros": INT})})
        ),
        "user_first_touch_timestamp": INT,
        "user_ltv": _record(texts="currency", revenue=REAL),
        "device": _record(
            "time_zone_offset_seconds",
            "category mobile_brand_name mobile_model_name operating_system operating_system_version language",
            web_info=_record(texts="browser browser_version"),
        ),
        "geo": _record(texts="continent sub_continent country region city metro"),
        "traffic_source": _record(texts="medium name source"),
        "stream_id": TEXT,
        "platform": TEXT,
        "event_dimensions": _record(texts="hostname"),
        "ecommerce": _record(
            "total_item_quantity unique_items",
            "transaction_id",
            purchase_revenue_in_usd=REAL,
            purchase_revenue=REAL,
        ),
        "collected_traffic_source": _record(
            texts="manual_campaign_id manual_campaign_name manual_source manual_medium manual_term manual_content "
            "gclid dclid srsltid"
        ),
        "session_traffic_source_last_click": _record(
            manual_campaign=_record(texts="campaign_id campaign_name source medium term content"),
            google_ads_campaign=_record(
                texts="customer_id account_name campaign_id campaign_name ad_group_id ad_group_name"
            ),
            cross_channel_campaign=_record(
                texts="campaign_id campaign_name source medium source_platform default_channel_group "
                "primary_channel_group"
            ),
        ),
        "items": pa.list_(
            _record(
                "quantity",
                "item_id item_name item_brand item_variant item_category item_list_name coupon",
                price_in_usd=REAL,
                price=REAL,
                item_revenue_in_usd=REAL,
                item_revenue=REAL,
            )
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Export:
    """One of the two exports.

    The names of its day-tables begin with `prefix`. The column `day_column` holds a row's day.

    A row without a value in each of the `required` columns is refused. `key` should be unique within a day; GA4's
    events have no key.
    """

    name: str
    prefix: str
    day_column: str
    required: tuple[str, ...]
    key: tuple[str, ...]
    schema: pa.Schema

    def table(self, day: dt.date) -> str:
        """Return the name of a day's day-table."""
        return f"{self.prefix}{day:%Y%m%d}"


GA360_EXPORT: Final = Export(
    name="GA360",
    prefix="ga_sessions_",
    day_column="date",
    required=("fullVisitorId", "visitId", "visitStartTime", "date", "totals"),
    key=("fullVisitorId", "visitId"),
    schema=GA360,
)
GA4_EXPORT: Final = Export(
    name="GA4",
    prefix="events_",
    day_column="event_date",
    # user_pseudo_id is not required: it is NULL for visitors who denied consent.
    required=("event_date", "event_timestamp", "event_name"),
    key=(),
    schema=GA4,
)
EXPORTS: Final = (GA360_EXPORT, GA4_EXPORT)


@dataclass(frozen=True, slots=True)
class DayFile:
    """The Parquet file of one day-table, with its number of rows. The file has the table's name."""

    day: dt.date
    path: Path
    rows: int

    @property
    def table(self) -> str:
        """The day-table's name."""
        return self.path.stem

    @property
    def export(self) -> Export:
        """The export to which the day-table belongs."""
        return next(export for export in EXPORTS if self.table.startswith(export.prefix))
