"""If the endpoint refuses a prediction, the error says whether a retry can help."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import is_final
from shared.jsontext import encode
from shared.vertex import RefusedError

DENIED = {"error": {"code": 403, "status": "PERMISSION_DENIED", "details": [{"reason": "IAM_PERMISSION_DENIED"}]}}
EXCEEDED = {"error": {"code": 403, "status": "PERMISSION_DENIED", "details": [{"reason": "RATE_LIMIT_EXCEEDED"}]}}


@pytest.mark.parametrize(
    ("code", "content", "expected"),
    [
        (403, encode(DENIED), True),
        (403, encode(EXCEEDED), False),
        (403, b"<html>", False),
        (500, encode(DENIED), False),
    ],
)
def test_a_missing_right_is_final_after_enough_time_for_a_grant(code, content, expected):
    error, now = RefusedError(code, content), datetime.now(UTC)
    assert is_final(error, now - timedelta(minutes=11)) == expected
    assert not is_final(error, now)
