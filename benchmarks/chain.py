"""`propensity demo` at its default size: how long, and how much of it is neither BigQuery nor learning.

The chain lasts from the publication of `data-refreshed` to the end that `demo` sees. BigQuery's part are the seconds
that each step waited for it, learning the time between the submission of the models and the evaluation. All else is
ours: functions, Pub/Sub, storage, Vertex AI and the look at the export with which a run is opened.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any

from benchmarks.demonstration import DAYS, SESSIONS, demonstrate
from benchmarks.measure import Row

ALLOWED_SECONDS = 60


def measure(_: bool) -> list[Row]:
    """One demonstration, and where its time went."""
    shown = demonstrate()
    phases: dict[str, float] = shown.result["phases"]
    chain = phases["chain"]
    in_bigquery, learning = sum(shown.result["bigquery_seconds"].values()), shown.result["seconds"]["training"]
    ours = chain - in_bigquery - learning
    inside, between = _ours(shown.result)
    whole = f"propensity demo, {DAYS} day-tables, {SESSIONS:,} sessions"
    return [
        Row(f"{whole}; floor: the minute allowed", shown.seconds, floor=ALLOWED_SECONDS, bound=1),
        Row("neither BigQuery nor learning; floor: the chain", ours, floor=chain, bound=0.2),
        Row("- inside steps", inside, floor=chain),
        Row("- between steps", between, floor=chain),
        Row("- before the first step and after the last", ours - inside - between, floor=chain),
        Row(
            "imports and the end of the services; floor: propensity demo",
            shown.seconds - sum(phases.values()),
            floor=shown.seconds,
        ),
        *(Row(f"phase {name}", seconds, floor=shown.seconds) for name, seconds in phases.items()),
        *(Row(f"step {name}", seconds, floor=chain) for name, seconds in shown.result["seconds"].items()),
    ]


def _ours(result: dict[str, Any]) -> tuple[float, float]:
    """Seconds inside steps that were not BigQuery's, and between steps; learning is no time between steps."""
    steps = list(result["bigquery_seconds"])
    inside = sum(result["seconds"][step] - result["bigquery_seconds"][step] for step in steps)
    between = sum(_seconds(result["finished_at"][one], result["started_at"][other]) for one, other in pairwise(steps))
    return inside, between - result["seconds"]["training"]


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
