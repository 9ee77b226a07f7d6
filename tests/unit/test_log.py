"""The functions log one JSON object per line, whatever values the object has."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared import log_events
from shared.chain.log_events import GateRejected
from shared.errors import told
from shared.log import LogEvent, log, log_exception

PAGE = Path(__file__).parents[2] / "docs" / "logs.md"


class Found(LogEvent, frozen=True):
    event = "found"
    severity = "NOTICE"
    message = "something was found"

    found: Any


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (date(2026, 11, 22), "2026-11-22"),
        (ValueError("no"), "no"),
        ("one\ntwo \N{LATIN SMALL LETTER U WITH DIAERESIS}", "one\ntwo \N{LATIN SMALL LETTER U WITH DIAERESIS}"),
        ("half a character: \ud83d", "half a character: \ud83d"),
        (float("nan"), None),
        ({"day": date(2026, 11, 22), 7: (1, None)}, {"day": "2026-11-22", "7": [1, None]}),
    ],
)
def test_a_line_is_one_json_object_whatever_values_its_fields_have(capfd, value, told):
    log(Found(value))
    [line] = capfd.readouterr().out.splitlines()
    expected = {"severity": "NOTICE", "event": "found", "message": "something was found", "found": told}
    assert json.loads(line) == expected


SECRET = "0123456789abcdef"  # noqa: S105 - the secret is invented for the test
REFUSED = f"400 POST http://local:{SECRET}@127.0.0.1:9050/bigquery/v2/projects/p/queries?prettyPrint=false: no"


def test_a_logged_error_contains_no_secret_from_a_url(capfd):
    try:
        int(REFUSED)
    except ValueError as error:
        log_exception(Found(str(error)))
    [line] = capfd.readouterr().out.splitlines()
    assert SECRET not in line
    assert REFUSED.replace(f"local:{SECRET}@", "") in json.loads(line)["found"]
    assert "ValueError" in json.loads(line)["stack_trace"]


@pytest.mark.parametrize(
    "text",
    ["gs://bucket/a@b:c", "http://127.0.0.1:80/a:b@c", '{"a": "//x", "b": ":y@"}', "// a:b@c", "https://shop.example"],
)
def test_a_text_without_a_user_in_a_url_is_logged_unchanged(text):
    assert told(text) == text


def test_a_message_names_the_fields_of_its_event():
    event = GateRejected("r", "logistic", ["too few buyers", "it is miscalibrated"], 1)
    assert event.payload()["message"] == "the gate rejects logistic: too few buyers; it is miscalibrated"


def test_each_log_event_has_a_unique_name_and_documented_fields():
    registered = log_events.registered()
    assert len({one.event for one in registered}) == len(registered)
    assert {name for one in registered for name in one.__struct_fields__} == set(log_events.FIELDS)


def test_the_page_of_events_is_up_to_date():
    assert PAGE.read_text() == log_events.page()
