"""Measure how many bytes the functions log for one run and the runs that it causes, and for one checkout."""

import contextlib
import io
import sys
from datetime import UTC

from benchmarks.demonstration import DAYS, SESSIONS, demonstrate
from benchmarks.measure import Row
from cli.cost.prices import assumptions
from shared.online import sessions
from shared.online.contract import Score, convert
from shared.online.openapi import REQUESTS, SCORE
from shared.online.predictions import record

# Limit of the bytes that a run may log. The limit does not depend on the size of the run, because the functions log no
# rows.
ALLOWED_BYTES = 32 * 1024


def measure(_: bool) -> list[Row]:
    """Measure the bytes that the functions log in a demonstration, and the bytes of one checkout's log line."""
    logged = demonstrate().logged
    run = f"one run on {SESSIONS:,} sessions of {DAYS} days, with recommendations, customers and destinations"
    return [
        Row(f"lines logged by {run}", len(logged), "lines"),
        Row(f"bytes logged by {run}; floor: those allowed", sum(map(len, logged)), "B", floor=ALLOWED_BYTES, bound=1),
        Row(
            "bytes logged by one checkout; floor: what propensity cost assumes, with the request's own entry",
            len(_line_of_a_checkout()),
            "B",
            floor=assumptions().checkout_log_bytes,
            bound=1,
        ),
    ]


def _line_of_a_checkout() -> bytes:
    features = sessions.features(convert(REQUESTS["visit"]["value"]).session, UTC)
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, sys, "__stdout__", sys.__stdout__)
        sys.__stdout__ = written = io.StringIO()  # type: ignore[misc,assignment]
        record(Score(**SCORE), features, "f" * 64, 1.23, "score_checkout")  # type: ignore[arg-type]
    return written.getvalue().encode()
