"""What the functions log: one JSON object a line, whatever is in it."""

import json
from datetime import date

import pytest

from shared.log import log


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
