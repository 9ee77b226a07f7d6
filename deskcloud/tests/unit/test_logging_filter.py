"""The query language of the local Cloud Logging."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskcloud.filters import FilterError
from deskcloud.logs.filter import parse

JOB_DONE = """
resource.type="bigquery_project"
protoPayload.serviceName="bigquery.googleapis.com"
protoPayload.metadata.jobChange.after="DONE"
protoPayload.metadata.jobChange.job.jobConfig.labels.pipeline="propensity"
protoPayload.metadata.jobChange.job.jobConfig.queryConfig.statementType="CREATE_MODEL"
"""

OLD_LOAD_DONE = r"""
protoPayload.methodName="jobservice.jobcompleted"
AND protoPayload.authenticationInfo.principalEmail="firebase-measurement@system.gserviceaccount.com"
AND protoPayload.serviceData.jobCompletedEvent.job.jobConfiguration.load.destinationTable.datasetId="analytics_123"
AND protoPayload.serviceData.jobCompletedEvent.job.jobConfiguration.load.destinationTable.tableId=~"^events_\d+"
"""

NEW_LOAD_DONE = r"""
protoPayload.metadata.jobChange.after="DONE"  -- derived from the old one
protoPayload.metadata.jobChange.job.jobConfig.loadConfig.destinationTable=~"/tables/events_\d{8}$"
"""

GA4_EXPORT = """
logName="projects/shop/logs/analyticsdata.googleapis.com%2Fbigquery_daily_export_status"
resource.type="analyticsdata.googleapis.com/BigQueryDailyExport"
(jsonPayload.status="COMPLETE" OR protoPayload.status="COMPLETE")
"""


def job_entry(**changes):
    job = {
        "jobConfig": {"labels": {"pipeline": "propensity"}, "queryConfig": {"statementType": "CREATE_MODEL"}},
        **changes.get("job", {}),
    }
    return {
        "resource": {"type": "bigquery_project"},
        "protoPayload": {
            "serviceName": "bigquery.googleapis.com",
            "metadata": {"jobChange": {"after": changes.get("after", "DONE"), "job": job}},
        },
    }


def test_the_filter_of_the_training_sink_matches_only_finished_trainings():
    matches = parse(JOB_DONE)
    assert matches(job_entry())
    assert not matches(job_entry(after="RUNNING"))
    assert not matches(job_entry(job={"jobConfig": {"queryConfig": {"statementType": "SELECT"}}}))


def test_the_filter_of_the_load_sink_matches_day_tables_in_both_formats():
    load = {"destinationTable": {"datasetId": "analytics_123", "tableId": "events_20260101"}}
    old = {
        "protoPayload": {
            "methodName": "jobservice.jobcompleted",
            "authenticationInfo": {"principalEmail": "firebase-measurement@system.gserviceaccount.com"},
            "serviceData": {"jobCompletedEvent": {"job": {"jobConfiguration": {"load": load}}}},
        }
    }
    assert parse(OLD_LOAD_DONE)(old)
    load["destinationTable"]["tableId"] = "events_intraday_20260101"
    assert not parse(OLD_LOAD_DONE)(old)
    table = "projects/p/datasets/analytics_123/tables/events_20260101"
    assert parse(NEW_LOAD_DONE)(job_entry(job={"jobConfig": {"loadConfig": {"destinationTable": table}}}))
    assert not parse(NEW_LOAD_DONE)(job_entry(job={"jobConfig": {"loadConfig": {"destinationTable": table + "x"}}}))


@pytest.mark.parametrize("payload", ["jsonPayload", "protoPayload"])
def test_the_filter_of_the_ga4_sink_matches_both_kinds_of_payload(payload):
    entry = {
        "logName": "projects/shop/logs/analyticsdata.googleapis.com%2Fbigquery_daily_export_status",
        "resource": {"type": "analyticsdata.googleapis.com/BigQueryDailyExport"},
        payload: {"status": "COMPLETE", "export_date": "20260101"},
    }
    assert parse(GA4_EXPORT)(entry)
    entry[payload]["status"] = "INCOMPLETE"
    assert not parse(GA4_EXPORT)(entry)


ENTRY = {
    "logName": "projects/shop/logs/run.googleapis.com%2Fstdout",
    "severity": "WARNING",
    "timestamp": "2026-01-01T12:00:00.5Z",
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "train-models"}},
    "labels": {"compute.googleapis.com/resource_id": "17", "env": "Prod"},
    "httpRequest": {"status": 503, "responseSize": "1200"},
    "jsonPayload": {
        "message": "Straße closed",
        "duration_ms": 12.5,
        "retry": True,
        "nothing": None,
        "sizes": [8.5, 9, 6],
        "steps": [{"name": "build"}, {"name": "train"}],
        "code": "10",
        "foo.bar": "apple",
    },
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("-- only a comment", True),
        ("severity>=WARNING", True),
        ("severity>WARNING", False),
        ("severity=warning", True),
        ("severity!=ERROR", True),
        ("severity=(ERROR OR WARNING)", True),
        ("severity=(ERROR OR CRITICAL)", False),
        ('resource.type = "CLOUD_RUN_REVISION"', True),
        ("resource.labels.service_name=train-models", True),
        ('labels."compute.googleapis.com/resource_id"="17"', True),
        ("labels.env=prod", True),
        ("labels.missing=prod", False),
        ("labels.missing!=prod", False),
        ("NOT labels.missing=prod", True),
        ("-labels.missing=prod", True),
        ("labels.env:*", True),
        ("labels.missing:*", False),
        ("trace:*", False),
        ('trace=""', True),
        ("httpRequest.status>=500 httpRequest.status<600", True),
        ("httpRequest.responseSize>1000", True),
        ("jsonPayload.code<9", True),
        ("jsonPayload.duration_ms=12.5", True),
        ("jsonPayload.duration_ms>1e1", True),
        ("jsonPayload.duration_ms>abc", False),
        ("jsonPayload.retry=TRUE", True),
        ("jsonPayload.retry!=true", False),
        ("jsonPayload.nothing=NULL_VALUE", True),
        ("jsonPayload.sizes<7", True),
        ("jsonPayload.sizes>10", False),
        ("jsonPayload.steps.name=train", True),
        ('jsonPayload:"closed"', True),
        ("jsonPayload.message:STRASSE", True),
        ('jsonPayload.message:("closed" AND "strasse")', True),
        ('jsonPayload.message=~"^Stra.e"', True),
        ('jsonPayload.message=~"^stra.e"', False),
        ('jsonPayload.message!~"open"', True),
        ('jsonPayload.missing!~"open"', False),
        ('jsonPayload."foo.bar":apple', True),
        ('timestamp>="2026-01-01T13:00:00+01:00"', True),
        ('timestamp>"2026-01-02"', False),
        # OR has a higher precedence than AND.
        ("severity=ERROR AND severity=WARNING OR severity=WARNING", False),
        ("severity=WARNING OR severity=ERROR AND severity=ERROR", False),
        ("(severity=WARNING OR severity=ERROR) AND NOT severity=ERROR", True),
        ("severity=WARNING\n-- a comment\nlabels.env=prod -- another\n", True),
        ("NOT (severity=WARNING labels.env=prod)", False),
    ],
)
def test_a_filter_matches_as_google_documents_it(text, expected):
    assert parse(text)(ENTRY) is expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('"the cat in the hat"', "value without a field"),
        ("robot", "value without a field (robot)"),
        ("severity=ERROR and labels.a=b", "value without a field (and)"),
        ('log_id("cloudaudit.googleapis.com/activity")', "function log_id()"),
        ("sample(insertId, 0.25)", "function sample()"),
        ('severity=cast("x", STRING)', "function cast()"),
        ("thud=1", "thud is not a field"),
        ("textPayload.thud=1", "textPayload.thud is not a field"),
        ("severity=LOUD", "'LOUD' is not a severity"),
        ("timestamp>yesterday", "not a timestamp"),
        ('textPayload=~"("', "not a regular expression"),
        ("severity=", "a value, found the end"),
        ("severity=(ERROR", "')'"),
        ("(severity=ERROR", "')'"),
        ("severity=ERROR)", "the end"),
        ("severity=ERROR OR", "a field"),
        ("severity=ERROR\nAND", "line 2"),
        ("severity ~ ERROR", "cannot read '~ ERROR'"),
        ('labels.a="open', "cannot read"),
        ("labels.a=" + "b" * 20_000, "20000"),
    ],
)
def test_an_unsupported_feature_is_refused_by_name(text, complaint):
    with pytest.raises(FilterError) as refusal:
        parse(text)
    assert complaint in str(refusal.value)


names = st.text(string.ascii_lowercase + "_", min_size=1, max_size=4)
words = st.text(string.ascii_letters + string.digits + ' "\\.%/-', max_size=6)


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def filters_with_meaning(draw, depth=3):
    """Draw the text of a filter, and a Python function that applies the same condition to an entry's jsonPayload."""
    if depth == 0 or draw(st.booleans()):
        name, value = draw(names), draw(words)
        return draw(
            st.sampled_from(
                [
                    (
                        f"jsonPayload.{name} = {literal(value)}",
                        lambda p: name in p and p[name].lower() == value.lower(),
                    ),
                    (f"jsonPayload.{name}!={literal(value)}", lambda p: name in p and p[name].lower() != value.lower()),
                    (f"jsonPayload.{name}:{literal(value)}", lambda p: name in p and value.lower() in p[name].lower()),
                    (
                        f"jsonPayload.{literal(name)}=~{literal(re.escape(value))}",
                        lambda p: name in p and value in p[name],
                    ),
                    (f"jsonPayload.{name}:*", lambda p: name in p),
                ]
            )
        )
    left, left_means = draw(filters_with_meaning(depth=depth - 1))
    right, right_means = draw(filters_with_meaning(depth=depth - 1))
    joint = draw(st.sampled_from([" AND ", " ", "\n", " -- so\n"]))
    return draw(
        st.sampled_from(
            [
                (f"({left}){joint}({right})", lambda p: left_means(p) and right_means(p)),
                (f"({left}) OR ({right})", lambda p: left_means(p) or right_means(p)),
                (f"NOT ({left})", lambda p: not left_means(p)),
                (f"-({left})", lambda p: not left_means(p)),
            ]
        )
    )


@given(filters_with_meaning(), st.dictionaries(names, words, max_size=4))
def test_a_nested_filter_means_the_combination_of_its_parts(filter_and_meaning, payload):
    text, means = filter_and_meaning
    assert parse(text)({"jsonPayload": payload}) is means(payload)


@given(st.text(max_size=60) | st.text('severity=<>!~:"()ANDORNOT-* \\.\n', max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text):
    try:
        matches = parse(text)
    except FilterError:
        return
    assert isinstance(matches(ENTRY), bool)
