"""The candidates' training: which rows, which models, which jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.cloud import bigquery

    from shared.chain.environment import StepContext

# How often a candidate is trained before its failure stands.
TRIES = 3
# How old a run may be that still writes rows: sql/tables lets them expire from the day on which the run was opened.
OLDEST = timedelta(days=6)


def rows_of_run(context: StepContext) -> dict[str, Any]:
    """Return the parameters that name the run's rows in the tables that hold several runs'.

    Raises:
        Permanent: the run is so old that BigQuery would let its rows expire as soon as they are written.
    """
    opened_at = context.run.opened_at
    if context.now - opened_at > OLDEST:
        raise Permanent(
            f"run {context.run_id} was opened on {opened_at:%Y-%m-%d}, and its rows expire {OLDEST.days + 1} days "
            f"later: remove it (`propensity reset {context.run_id}`), and what it had read is read again"
        )
    return {"run_id": context.run_id, "created_on": opened_at.date()}


def freeze_rows(context: StepContext) -> None:
    """Write down the rows that the run learns from, cut by time."""
    training = context.settings.training
    as_of = context.run.as_of
    parameters = {
        **rows_of_run(context),
        "from_day": as_of - timedelta(days=training.window_days - 1),
        "as_of": as_of,
        "train_share": training.train_share,
        "evaluation_share": training.evaluation_share,
    }
    context.warehouse.query("features/training_rows", parameters)


def submit(candidates: Iterable[str], attempt: int, context: StepContext) -> None:
    """Submit a CREATE MODEL job for each candidate, once.

    The ids are written down first. So another delivery, even of another deployment, submits under the same ids, and
    BigQuery runs each only once. Whoever waits for the jobs finds them by `ended`.
    """
    ids = {candidate: context.warehouse.job_id(_create_model(candidate, context), attempt) for candidate in candidates}
    for candidate, job_id in context.runs.plan_trainings(context.run_id, attempt, ids).items():
        context.warehouse.start(_create_model(candidate, context), job_id, attempt)


def ended(attempt: int, context: StepContext) -> dict[str, bigquery.QueryJob] | None:
    """Return each candidate's newest job of the attempts up to this one, or None unless all have ended."""
    ids = {
        candidate: job_id
        for number in range(1, attempt + 1)
        for candidate, job_id in context.runs.trainings(context.run_id, number).items()
    }
    found = {}
    for candidate, job_id in ids.items():
        job = context.warehouse.find(job_id)
        # Its id is written down before it is submitted.
        if job is None or not job.done(reload=False):
            return None
        found[candidate] = job
    return found or None


def _create_model(candidate: str, context: StepContext) -> Statement:
    return Statement(f"models/{candidate}", rows_of_run(context), {"model": model_name(candidate, context.run_id)})
