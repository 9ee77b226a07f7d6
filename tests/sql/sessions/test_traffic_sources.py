"""GA4 exports with old and new columns are read. Over the years, Google has added columns for a session's source.

One export can contain day-tables with the old columns and day-tables with the new ones.
"""

import datetime as dt

import pytest

from shared import warehouse as statements
from shared.chain import source, traffic_sites
from shared.chain.environment import Environment
from shared.placeholders import PLACEHOLDERS
from shared.settings import Settings
from shared.warehouse import Statement

pytestmark = pytest.mark.slow

DATASET = "mixed_export"
FIRST, SECOND = dt.date(2024, 6, 1), dt.date(2024, 6, 2)
PARAMETERS = {
    "days": [FIRST, SECOND],
    "suffixes": ["20240601", "20240602"],
    "first_suffix": "20240601",
    "last_suffix": "20240602",
    "placeholders": PLACEHOLDERS,
    "internal_sources": ["intranet.shop"],
    "max_hits": 400,
    "time_zone": "UTC",
    **traffic_sites.PARAMETERS,
}
OLD = (
    "'20240601' as event_date, 1717236000000000 as event_timestamp, 'page_view' as event_name, "
    "'one' as user_pseudo_id, "
    "[struct('ga_session_id' as key, struct(cast(null as string) as string_value, 7 as int_value) as value), "
    "('ga_session_number', (null, 1)), ('source', ('google', null)), ('medium', ('organic', null))] as event_params, "
    "struct('Spain' as country) as geo, struct('mobile' as category) as device, "
    "struct('bing' as source, 'organic' as medium) as traffic_source, "
    "struct(0.0 as purchase_revenue, '' as transaction_id) as ecommerce, "
    "array<struct<item_id string, quantity int64>>[] as items"
)
COLLECTED = f"{OLD}, struct('XY' as gclid) as collected_traffic_source"
# The columns that an export had from July to October 2024.
MANUAL = (
    f"{COLLECTED}, struct(struct('(not set)' as source, '(not set)' as medium) as manual_campaign, "
    "struct('Summer' as campaign_name) as google_ads_campaign) as session_traffic_source_last_click"
)
LAST_CLICK = (
    f"{COLLECTED}, struct(struct('news' as source, 'email' as medium, 'Email' as default_channel_group) "
    "as cross_channel_campaign) as session_traffic_source_last_click"
)
OF_OLD = ("google", "organic", "Organic Search")
OF_AN_AD = ("google", "cpc", "Paid Search")
OF_LAST_CLICK = ("news", "email", "Email")


@pytest.fixture
def export(whole_warehouse):
    """Return a function that creates day-tables in the order of its arguments.

    An argument's name is the table's name. Its value is the select list of the table's only row.
    """
    client = whole_warehouse.client
    client.delete_dataset(DATASET, delete_contents=True, not_found_ok=True)
    client.create_dataset(DATASET)

    def make(**tables):
        for name, columns in tables.items():
            client.query_and_wait(f"create table {DATASET}.{name} as select {columns}")

    yield make
    client.delete_dataset(DATASET, delete_contents=True)
    whole_warehouse.clean()


def told(warehouse):
    """Return the source of each session. The statement names the columns that the newest table has."""
    settings = Settings.from_document(
        {
            "project": warehouse.client.project,
            "bucket": "shop",
            "dataset": warehouse.settings.dataset,
            "source": {"kind": "ga4", "dataset": DATASET},
        }
    )
    environment = Environment(settings)
    environment.__dict__["bigquery"] = warehouse.client
    newest = f"{settings.source_dataset}.{source.newest_table(environment)}"
    names = source.optional_columns("ga4", source.columns_of(newest, environment))
    statement = Statement("sessions/from_ga4", PARAMETERS, {"source": settings.source_dataset, **names})
    statements.query(warehouse.client, settings, statement)
    warehouse.filled.add("sessions")
    warehouse.known.pop("sessions", None)
    rows = sorted(warehouse.rows("sessions"), key=lambda row: row["visitor_id"])
    return [(row["source"], row["medium"], row["channel"]) for row in rows]


@pytest.mark.parametrize(
    ("columns", "expected"), [(OLD, OF_OLD), (COLLECTED, OF_AN_AD), (MANUAL, OF_AN_AD), (LAST_CLICK, OF_LAST_CLICK)]
)
def test_each_version_of_the_export_gives_the_best_source_that_it_has(whole_warehouse, export, columns, expected):
    export(events_20240601=columns)
    assert told(whole_warehouse) == [expected]


def of_the_second_day(columns):
    return (
        columns.replace("20240601", "20240602")
        .replace("1717236000000000", "1717322400000000")
        .replace("'one'", "'two'")
    )


def test_older_and_newer_day_tables_can_be_read_together(whole_warehouse, export):
    export(events_20240601=OLD, events_20240602=of_the_second_day(LAST_CLICK))
    assert told(whole_warehouse) == [OF_OLD, OF_LAST_CLICK]


def test_the_table_that_was_created_last_decides_which_columns_are_read(whole_warehouse, export):
    """The table that was created last decides which columns the statement names.

    This also holds if the table's day is older than that of the other table. It even holds if the table is an intraday
    table, although the rows of intraday tables are not read.
    """
    export(events_20240602=of_the_second_day(LAST_CLICK), events_20240601=COLLECTED)
    assert told(whole_warehouse) == [OF_AN_AD, OF_AN_AD]
    export(events_intraday_20240603=OLD)
    assert told(whole_warehouse) == [OF_OLD, OF_OLD]
