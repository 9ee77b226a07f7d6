"""How a line printed by a function becomes a LogEntry."""

import json

from hypothesis import given
from hypothesis import strategies as st

from deskcloud.logs import entry_from_line


def test_a_structured_line_moves_the_recognised_keys_to_the_entry():
    line = json.dumps(
        {
            "severity": "error",
            "message": "gate rejected",
            "run_id": "r1",
            "time": "2026-01-01T12:00:00Z",
            "httpRequest": {"status": 500},
            "logging.googleapis.com/trace": "projects/shop/traces/abc",
            "logging.googleapis.com/spanId": "0001",
            "logging.googleapis.com/trace_sampled": True,
            "logging.googleapis.com/labels": {"execution_id": "x"},
            "logging.googleapis.com/insertId": "i1",
            "logging.googleapis.com/operation": {"id": "o"},
            "logging.googleapis.com/sourceLocation": {"file": "f.py"},
        }
    )
    assert entry_from_line(line, "evaluate-models", "shop") == {
        "logName": "projects/shop/logs/run.googleapis.com%2Fstdout",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"project_id": "shop", "service_name": "evaluate-models"},
        },
        "severity": "ERROR",
        "timestamp": "2026-01-01T12:00:00Z",
        "httpRequest": {"status": 500},
        "trace": "projects/shop/traces/abc",
        "spanId": "0001",
        "traceSampled": True,
        "labels": {"execution_id": "x"},
        "insertId": "i1",
        "operation": {"id": "o"},
        "sourceLocation": {"file": "f.py"},
        "jsonPayload": {"message": "gate rejected", "run_id": "r1"},
    }


def test_a_line_with_only_a_message_becomes_a_text_payload():
    entry = entry_from_line('{"severity": "INFO", "message": "started"}', "build-features")
    assert (entry["textPayload"], entry["severity"]) == ("started", "INFO")
    assert "jsonPayload" not in entry


def test_a_plain_line_becomes_a_text_payload_without_severity():
    entry = entry_from_line("Traceback (most recent call last):\n", "build-features")
    assert entry["textPayload"] == "Traceback (most recent call last):"
    assert "severity" not in entry


def test_an_unknown_severity_stays_in_the_payload():
    entry = entry_from_line('{"severity": "LOUD", "message": "x"}', "build-features")
    assert entry["jsonPayload"] == {"severity": "LOUD", "message": "x"}


@given(st.text() | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=3)).map(json.dumps))
def test_any_line_becomes_an_entry_with_one_payload(line):
    entry = entry_from_line(line, "build-features")
    assert ("textPayload" in entry) != ("jsonPayload" in entry)
