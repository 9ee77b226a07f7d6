"""Every way in which the world says that the data was refreshed."""

import contextlib
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.refreshes import Refresh, parse
from shared.errors import Malformed

EVENTS = Path(__file__).parent.parent / "events"
FIRST = Refresh(date(2020, 11, 1))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Objects made of the names that matter, so that the search gets past the first look.
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
        "x/tables/events_20201101",
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
def test_each_of_googles_shapes_is_read(name, expected):
    assert parse(sample(name), "events_") == expected


def test_a_load_into_the_other_kind_of_export_announces_nothing():
    assert parse(sample("audit_load_done"), "ga_sessions_") is None


def test_a_log_entry_of_a_query_is_refused():
    with pytest.raises(Malformed, match="neither a GA4 export status nor a finished load job"):
        parse(sample("audit_query_done"), "events_")


def test_an_export_status_without_a_day_is_refused():
    entry = sample("ga4_export_complete")
    del entry["jsonPayload"]["exportDate"]
    with pytest.raises(Malformed, match="names no exportDate"):
        parse(entry, "events_")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Refresh()),
        ({"reason": "retrain"}, Refresh(reason="retrain")),
        ({"date": "2017-08-01"}, Refresh(date(2017, 8, 1))),
        ({"date": "20170801"}, Refresh(date(2017, 8, 1))),
        ({"date": 20170801}, Refresh(date(2017, 8, 1))),
        ({"table": "ga_sessions_20170801"}, Refresh(date(2017, 8, 1))),
        ({"table": "shop.analytics.ga_sessions_20170801", "date": "2017-08-01"}, Refresh(date(2017, 8, 1))),
    ],
)
def test_a_persons_request_is_read(body, expected):
    assert parse(body, "ga_sessions_") == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tabel": "x"}, "tabel: not known here"),
        ({"date": "yesterday"}, "'yesterday' is no date; write 2017-08-01"),
        ({"date": "2017-02-29"}, "is no date"),
        # A month, which must not be read as one of its days.
        ({"date": "201711"}, "is no date"),
        ({"date": None}, "None is no date"),
        ({"table": "ga_sessions_20170229"}, "'20170229' is no date"),
        ({"table": "ga_sessions_intraday_20170801"}, "is no day-table of the export: ga_sessions_YYYYMMDD"),
        ({"table": "events_20170801"}, "is no day-table of the export"),
        ({"table": ["ga_sessions_20170801"]}, "is no day-table of the export"),
        ({"table": "ga_sessions_20170801", "date": "2017-08-02"}, "name two days"),
        ({"reason": 3}, "reason is 3, not a text"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(body, message):
    with pytest.raises(Malformed, match=message):
        parse(body, "ga_sessions_")


@given(st.dictionaries(names | st.text(max_size=8), likely, max_size=5), st.sampled_from(["events_", "ga_sessions_"]))
def test_whatever_is_sent_is_read_or_refused(body, prefix):
    with contextlib.suppress(Malformed):
        assert isinstance(parse(body, prefix), Refresh | None)


@given(st.dates())
def test_every_day_is_read_back_from_its_table_and_from_both_ways_to_write_it(day):
    digits = f"{day.year:04d}{day:%m%d}"
    for body in ({"table": f"events_{digits}"}, {"date": digits}, {"date": day.isoformat()}):
        assert parse(body, "events_") == Refresh(day)
