"""What the functions log: one JSON object a line, whatever is in it."""

import json
from datetime import date

import pytest

from shared.errors import told
from shared.log import log, log_exception


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
def test_a_line_is_one_json_object_whatever_a_field_holds(capfd, value, told):
    log("NOTICE", "something was found", found=value)
    [line] = capfd.readouterr().out.splitlines()
    assert json.loads(line) == {"severity": "NOTICE", "message": "something was found", "found": told}


SECRET = "0123456789abcdef"  # noqa: S105 - nobody's
REFUSED = f"400 POST http://local:{SECRET}@127.0.0.1:9050/bigquery/v2/projects/p/queries?prettyPrint=false: no"


def test_what_is_logged_of_an_error_has_no_secret_of_a_url_in_it(capfd):
    try:
        int(REFUSED)
    except ValueError as error:
        log_exception(f"it failed: {error}", reason=str(error))
    [line] = capfd.readouterr().out.splitlines()
    assert SECRET not in line
    assert REFUSED.replace(f"local:{SECRET}@", "") in json.loads(line)["reason"]


@pytest.mark.parametrize(
    "text",
    ["gs://bucket/a@b:c", "http://127.0.0.1:80/a:b@c", '{"a": "//x", "b": ":y@"}', "// a:b@c", "https://shop.example"],
)
def test_what_is_no_user_of_a_url_is_told_as_it_is(text):
    assert told(text) == text
