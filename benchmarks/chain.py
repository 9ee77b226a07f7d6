"""Measure how long `propensity demo` takes at its default size, and how much of this time is overhead of the project.

The chain lasts from the publication of `data-refreshed` until `demo` sees the run's end. BigQuery's part is the time
for which the steps waited for BigQuery. Training is the time between the submission of the models and the evaluation.
The rest is overhead: functions, Pub/Sub, storage, Vertex AI, and opening the run.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any

from benchmarks.demonstration import DAYS, SESSIONS, demonstrate
from benchmarks.measure import Row

ALLOWED_SECONDS = 60


def measure(_: bool) -> list[Row]:
    """Run one demonstration, and return the parts of its duration."""
    shown = demonstrate()
    phases: dict[str, float] = shown.result["phases"]
    chain = phases["chain"]
    in_bigquery, learning = sum(shown.result["bigquery_seconds"].values()), shown.result["seconds"]["training"]
    ours = chain - in_bigquery - learning
    inside, between = _ours(shown.result)
    whole = f"propensity demo, {DAYS} day-tables, {SESSIONS:,} sessions"
    return [
        Row(f"{whole}; floor: the minute allowed", shown.seconds, floor=ALLOWED_SECONDS, bound=1),
        Row("neither BigQuery nor training; floor: the chain", ours, floor=chain, bound=0.2),
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
    """Return two overheads in seconds.

    The first is the time of the steps minus the time of their BigQuery jobs. The second is the time between the steps
    minus the time of the training.
    """
    steps = list(result["bigquery_seconds"])
    inside = sum(result["seconds"][step] - result["bigquery_seconds"][step] for step in steps)
    between = sum(_seconds(result["finished_at"][one], result["started_at"][other]) for one, other in pairwise(steps))
    return inside, between - result["seconds"]["training"]


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
