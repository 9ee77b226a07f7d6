"""Our samples of Google's messages, and the messages of the local cloud, follow the schemas that Google publishes."""

import json
import re
from pathlib import Path

import pytest
from google.cloud.audit.audit_log_pb2 import AuditLog
from google.cloud.audit.bigquery_audit_metadata_pb2 import BigQueryAuditMetadata
from google.cloud.bigquery_logging_v1 import AuditData
from google.protobuf import json_format
from google.pubsub_v1.types import PubsubMessage

from cli import declarations
from desk.discovery import Body, Document
from deskcloud.bigquery.gateway import audit
from deskcloud.logs import wire as entries
from deskcloud.pubsub import wire

EVENTS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent.parent / "events").glob("*.json")}
TABLE = {"projectId": "p", "datasetId": "d", "tableId": "t"}
JOBS = {
    "query": {"query": {"query": "select 1", "destinationTable": TABLE}, "labels": {"pipeline": "propensity"}},
    "load": {"load": {"sourceUris": ["gs://b/o"], "destinationTable": TABLE}},
    "copy": {"copy": {"sourceTables": [TABLE], "destinationTable": TABLE}},
    "extract": {"extract": {"sourceTable": TABLE, "destinationUris": ["gs://b/o"]}},
}


def check_document(value, document, schema):
    body = Body(Document.of(document), is_answer=True)
    body.check(value, {"$ref": schema})
    assert body.problems == []


def check_audit_log(entry):
    """Check a log entry against Cloud Logging's API document, and the entry's payload against Google's protos."""
    check_document(entry, "logging.v2", "LogEntry")
    payload = {name: value for name, value in entry["protoPayload"].items() if name != "@type"}
    inner = {name: payload.pop(name) for name in ("metadata", "serviceData") if name in payload}
    json_format.ParseDict(payload, AuditLog())
    kinds = {
        "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata": BigQueryAuditMetadata,
        "type.googleapis.com/google.cloud.bigquery.logging.v1.AuditData": AuditData.pb(),
    }
    [message] = inner.values()
    json_format.ParseDict(
        {name: value for name, value in message.items() if name != "@type"}, kinds[message["@type"]]()
    )


def is_audit_log(event):
    return event.get("protoPayload", {}).get("@type") == "type.googleapis.com/google.cloud.audit.AuditLog"


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if is_audit_log(event)])
def test_an_audit_log_among_our_events_has_the_fields_that_google_publishes(name):
    check_audit_log(EVENTS[name])


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith("ga4_")])
def test_an_export_status_among_our_events_is_a_log_entry(name):
    # Only the log entry is checked. The payload is an ExportStatusLog, of which Google publishes no proto.
    check_document(EVENTS[name], "logging.v2", "LogEntry")


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith("transfer_")])
def test_a_transfer_run_among_our_events_has_the_fields_that_google_publishes(name):
    check_document(EVENTS[name], "bigquerydatatransfer.v1", "TransferRun")


def test_every_sample_event_is_checked_against_a_schema():
    assert {name for name, event in EVENTS.items() if not is_audit_log(event)} == {
        name for name in EVENTS if name.startswith(("ga4_", "transfer_"))
    }


@pytest.mark.parametrize("kind", JOBS)
@pytest.mark.parametrize("statement_type", ["CREATE_MODEL", "ALTER_MODEL"])
@pytest.mark.parametrize("error", [None, {"reason": "invalidQuery", "message": "no"}])
def test_the_local_bigquery_logs_a_job_as_google_does(kind, statement_type, error):
    entry = audit.entry(
        {
            "jobReference": {"projectId": "p", "jobId": "j", "location": "US"},
            "configuration": JOBS[kind],
            "status": {"state": "DONE"} | ({"errorResult": error} if error else {}),
            "statistics": {"creationTime": "1500000000000", "startTime": "1500000000001", "endTime": "1500000000002"}
            | {"query": {"statementType": statement_type}},
            "user_email": "local@localhost",
        }
    )
    check_audit_log(entry)


def test_the_local_audit_log_has_the_types_of_statements_that_googles_has():
    kind = fields_of(BigQueryAuditMetadata.JobConfig.Query.DESCRIPTOR)["statementType"].enum_type
    assert set(kind.values_by_name) - {"QUERY_STATEMENT_TYPE_UNSPECIFIED"} == audit.STATEMENT_TYPES


@pytest.mark.parametrize("name", declarations.read().sinks)
def test_the_filters_of_sinks_use_only_fields_and_values_of_an_audit_log(name):
    """Google Cloud would accept a filter that names an unknown field, but the sink would export nothing."""
    text = declarations.read().sinks[name].filter
    for path, value in re.findall(r'protoPayload\.metadata\.([\w.]+)=~?"([^"]*)"', text):
        *outer, last = path.split(".")
        message = BigQueryAuditMetadata.DESCRIPTOR
        for field in outer:
            descriptor = fields_of(message)[field]
            if descriptor.message_type.GetOptions().map_entry:
                break
            message = descriptor.message_type
        else:
            kind = fields_of(message)[last].enum_type
            assert kind is None or value in kind.values_by_name
    for field in re.findall(r"protoPayload\.(\w+)", text):
        assert field in fields_of(AuditLog.DESCRIPTOR)


def fields_of(message):
    return {field.json_name: field for field in message.fields}


def test_a_line_of_a_function_becomes_a_log_entry():
    line = {"severity": "WARNING", "message": "late", "run": "r", "time": "2026-01-02T03:04:05Z", "httpRequest": {}}
    for text in (json.dumps(line), "a plain line"):
        check_document(entries.completed(entries.entry_from_line(text, "f", "p")), "logging.v2", "LogEntry")


def test_a_push_request_contains_a_valid_pubsub_message():
    message = PubsubMessage.pb()(data=b"{}", attributes={"a": "b"}, message_id="17", ordering_key="k")
    message.publish_time.GetCurrentTime()
    body = wire.push_body(message, "projects/p/subscriptions/s", 3)
    # Pub/Sub sends two fields twice, in camel case and in snake case:
    # https://cloud.google.com/pubsub/docs/push#receive_push
    snake = {"message_id": "messageId", "publish_time": "publishTime"}
    told = body["message"]
    assert {told[old] == told[new] for old, new in snake.items() if old in told} <= {True}
    check_document({name: value for name, value in told.items() if name not in snake}, "pubsub.v1", "PubsubMessage")
    assert body.keys() == {"message", "subscription", "deliveryAttempt"}
