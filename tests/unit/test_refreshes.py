"""Every kind of message that announces a refresh of the data."""

import contextlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.refreshes import Export, Refresh, parse
from shared.errors import Malformed

EVENTS = Path(__file__).parent.parent / "events"
FIRST = Refresh(date(2020, 11, 1))
GA4 = Export("shop-project", "analytics_5678", "events_")
GA360 = Export("shop", "analytics", "ga_sessions_")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Draw objects with the field names that the code reads. With random names, the code would refuse each object at the
# first check.
names = st.sampled_from(
    [
        "logName",
        "protoPayload",
        "jsonPayload",
        "metadata",
        "jobChange",
        "job",
        "jobConfig",
        "loadConfig",
        "destinationTable",
        "jobStatus",
        "serviceData",
        "jobCompletedEvent",
        "jobConfiguration",
        "load",
        "tableId",
        "status",
        "exportDate",
        "@type",
        "state",
        "dataSourceId",
        "destinationDatasetId",
        "projectId",
        "datasetId",
        "table",
        "date",
        "reason",
        "after",
    ]
)
texts = st.sampled_from(
    [
        "events_20201101",
        "events_20209999",
        "COMPLETE",
        "DONE",
        "SUCCEEDED",
        "20201101",
        "projects/shop-project/datasets/analytics_5678/tables/events_20201101",
        "projects/p/logs/x%2Fbigquery_daily_export_status",
        "type.googleapis.com/x.ExportStatusLog",
    ]
)
likely = st.recursive(texts | json_values, lambda inner: st.dictionaries(names, inner, max_size=4), max_leaves=12)


def sample(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ga4_export_complete", FIRST),
        ("ga4_export_complete_proto", FIRST),
        ("ga4_export_complete_snake_case", FIRST),
        ("ga4_export_incomplete", None),
        ("ga4_export_failed", None),
        ("audit_load_done", FIRST),
        ("audit_load_of_another_table", None),
        ("audit_load_running", None),
        ("audit_load_failed", None),
        ("old_audit_load_completed", FIRST),
        ("old_audit_load_failed", None),
        ("transfer_run_succeeded", Refresh()),
        ("transfer_run_failed", None),
    ],
)
def test_each_kind_of_googles_messages_is_read(name, expected):
    assert parse(sample(name), GA4) == expected


def test_a_load_into_the_other_kind_of_export_announces_nothing():
    assert parse(sample("audit_load_done"), replace(GA4, prefix="ga_sessions_")) is None


@pytest.mark.parametrize("export", [replace(GA4, dataset="analytics_567"), replace(GA4, project="project")])
@pytest.mark.parametrize("name", ["audit_load_done", "old_audit_load_completed"])
def test_a_load_into_another_dataset_or_project_announces_nothing(name, export):
    assert parse(sample(name), export) is None


@pytest.mark.parametrize(
    "name",
    ["ga4_export_complete", "ga4_export_complete_proto", "ga4_export_complete_snake_case", "transfer_run_succeeded"],
)
def test_an_export_of_another_property_announces_nothing(name):
    assert parse(sample(name), GA4) is not None
    assert parse(sample(name), replace(GA4, dataset="analytics_567")) is None


@pytest.mark.parametrize("dataset", ["analytics_567", "analytics"])
def test_an_export_status_is_accepted_if_it_or_the_dataset_names_no_property(dataset):
    entry = sample("ga4_export_complete")
    if dataset == "analytics_567":
        del entry["resource"]["labels"]["property_id"]
    assert parse(entry, replace(GA4, dataset=dataset)) == FIRST


def test_a_log_entry_of_a_query_is_refused():
    with pytest.raises(Malformed, match="neither a GA4 export status nor a finished load job"):
        parse(sample("audit_query_done"), GA4)


def test_a_transfer_that_names_its_dataset_in_no_text_announces_nothing():
    assert parse(sample("transfer_run_succeeded") | {"destinationDatasetId": ["analytics_5678"]}, GA4) is None


def test_an_export_status_without_a_day_is_refused():
    entry = sample("ga4_export_complete")
    del entry["jsonPayload"]["exportDate"]
    with pytest.raises(Malformed, match="has no exportDate"):
        parse(entry, GA4)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Refresh()),
        ({"reason": "retrain"}, Refresh(reason="retrain")),
        ({"date": "2017-08-01"}, Refresh(date(2017, 8, 1))),
        ({"date": "20170801"}, Refresh(date(2017, 8, 1))),
        ({"date": 20170801}, Refresh(date(2017, 8, 1))),
        ({"table": "ga_sessions_20170801"}, Refresh(date(2017, 8, 1))),
        ({"table": "analytics.ga_sessions_20170801"}, Refresh(date(2017, 8, 1))),
        ({"table": "shop.analytics.ga_sessions_20170801", "date": "2017-08-01"}, Refresh(date(2017, 8, 1))),
    ],
)
def test_a_refresh_that_a_person_requests_is_read(body, expected):
    assert parse(body, GA360) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tabel": "x"}, "unknown fields: 1. Send {} for all changed days"),
        ({"date": "yesterday"}, "the day is not a date: write 2017-08-01"),
        ({"date": "2017-02-29"}, "is not a date"),
        # The text is a month, and must not be read as a day of this month.
        ({"date": "201711"}, "is not a date"),
        ({"date": None}, "the day is not a date"),
        ({"table": "ga_sessions_20170229"}, "the day is not a date"),
        ({"table": "ga_sessions_intraday_20170801"}, "is not a day-table of the export: ga_sessions_YYYYMMDD"),
        ({"table": "events_20170801"}, "is not a day-table of the export"),
        ({"table": "stock.ga_sessions_20170801"}, "is not in the export's dataset shop.analytics"),
        ({"table": "stock.analytics.ga_sessions_20170801"}, "is not in the export's dataset shop.analytics"),
        ({"table": ["ga_sessions_20170801"]}, "is not a day-table of the export"),
        ({"table": "ga_sessions_20170801", "date": "2017-08-02"}, "name different days"),
        ({"reason": 3}, "reason is not a string"),
    ],
)
def test_the_error_about_a_wrong_request_says_what_is_wrong(body, message):
    with pytest.raises(Malformed, match=message):
        parse(body, GA360)


@given(st.dictionaries(names | st.text(max_size=8), likely, max_size=5), st.sampled_from([GA4, GA360]))
def test_any_message_is_parsed_or_refused(body, export):
    with contextlib.suppress(Malformed):
        assert isinstance(parse(body, export), Refresh | None)


@given(st.dates())
def test_every_day_is_read_back_from_its_table_and_from_both_ways_to_write_it(day):
    digits = f"{day.year:04d}{day:%m%d}"
    for body in ({"table": f"events_{digits}"}, {"date": digits}, {"date": day.isoformat()}):
        assert parse(body, GA4) == Refresh(day)
