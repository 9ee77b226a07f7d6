"""The upper bound of a demonstration: the metrics of the generator's true probabilities on the winner's test visitors.

Only generated sessions have an upper bound. The true probabilities lie in a separate dataset, which is deleted at once,
so no model can read them. The chain's own statements compute the metrics and their intervals.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from google.cloud import bigquery

from shared import jsontext
from shared.chain import evaluation, training
from shared.chain.environment import Environment, StepContext
from shared.deadline import Deadline
from shared.settings import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.truth import Truth
    from shared.chain.documents import Measured
    from shared.chain.run_state import Run

_NAME = "upper_bound"
_TABLE = "evaluation_rows"


def measure(truth: Truth, run: Run, environment: Environment) -> Measured | None:
    """Return the metrics of the true probabilities on the winner's test visitors.

    Return None if there is no winner, if the generator cannot compute the label's probability, or if a test visitor was
    not generated.
    """
    label, found = environment.settings.label, run.documents.evaluation
    if found is None or label.event != PURCHASE or label.min_revenue:
        return None
    with _apart(environment) as apart:
        context = StepContext(apart, run.run_id, _NAME, datetime.now(UTC), Deadline(environment.settings.wait_seconds))
        rows = [_known(row, truth, context) for row in _test_rows(run.run_id, found.winner, environment)]
        if not rows or any(row["probability"] is None for row in rows):
            return None
        _load(rows, context)
        measured, _ = evaluation.measured("test", context)
    return measured.get(_NAME)


@contextlib.contextmanager
def _apart(environment: Environment) -> Iterator[Environment]:
    """Yield a copy of the environment that uses a new, empty dataset. Delete the dataset afterwards."""
    settings = environment.settings
    apart = Environment(msgspec.structs.replace(settings, dataset=f"{settings.dataset}_{_NAME}"))
    name = f"{settings.project}.{apart.settings.dataset}"
    environment.bigquery.delete_dataset(name, delete_contents=True, not_found_ok=True)
    environment.bigquery.create_dataset(name)
    try:
        yield apart
    finally:
        environment.bigquery.delete_dataset(name, delete_contents=True, not_found_ok=True)


def _test_rows(run_id: str, winner: str, environment: Environment) -> Iterator[dict[str, Any]]:
    settings = environment.settings
    for row in environment.bigquery.list_rows(f"{settings.project}.{settings.dataset}.{_TABLE}"):
        if (row["run_id"], row["candidate"], row["split"]) == (run_id, winner, "test"):
            yield dict(row)


def _known(row: dict[str, Any], truth: Truth, context: StepContext) -> dict[str, Any]:
    probability = truth.probability(row["visitor_id"], context.settings.label_days, context.run.as_of)
    return {**row, **training.rows_of_run(context), "candidate": _NAME, "probability": probability}


def _load(rows: list[dict[str, Any]], context: StepContext) -> None:
    client, settings = context.environment.bigquery, context.settings
    schema = client.get_table(f"{settings.project}.{settings.dataset.removesuffix(f'_{_NAME}')}.{_TABLE}").schema
    content = msgspec.json.decode(jsontext.encode(rows))
    into = f"{settings.project}.{settings.dataset}.{_TABLE}"
    client.load_table_from_json(content, into, job_config=bigquery.LoadJobConfig(schema=schema)).result()
