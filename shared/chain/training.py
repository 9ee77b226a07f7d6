"""Train the candidates: write the training rows, submit the CREATE MODEL jobs, and find the jobs that have ended."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound

from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.warehouse import Statement, heals, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from google.cloud import bigquery

    from shared.chain.environment import Environment, StepContext

# Maximum number of attempts to train a candidate.
TRIES = 3
# Maximum age of a run that may write rows. The partitions of a run's rows expire some days after the run was opened
# (sql/tables).
OLDEST = timedelta(days=6)


def rows_of_run(context: StepContext) -> dict[str, Any]:
    """Return the parameters that select the run's rows in tables that hold the rows of several runs.

    Raises:
        Permanent: the run is so old that its rows would expire as soon as they are written.
    """
    opened_at = context.run.opened_at
    if context.now - opened_at > OLDEST:
        raise Permanent(
            f"run {context.run_id} was opened on {opened_at:%Y-%m-%d}, and its rows expire after {OLDEST.days + 1} "
            f"days: remove it (`propensity reset {context.run_id}`), and the next run reads its data again"
        )
    return {"run_id": context.run_id, "created_on": opened_at.date()}


def freeze_rows(context: StepContext) -> None:
    """Write the run's training rows: the visitors of the last `training.window_days`, split by the settings' shares."""
    training = context.settings.training
    as_of = context.run.as_of
    first = as_of - timedelta(days=training.window_days - 1)
    write_rows(first, as_of, training.train_share, training.evaluation_share, context)


def write_rows(first: date, last: date, train: float, evaluation: float, context: StepContext) -> None:
    """Write the run's rows: visitors from `first` to `last` whose outcome is known, split by time.

    `train` and `evaluation` are the shares of the visitors in these splits. The remaining visitors are the test split.
    `training.max_rows` limits the split train only.
    """
    days = {"from_day": first, "as_of": last}
    sizes = {"train_share": train, "evaluation_share": evaluation, "max_rows": context.settings.training.max_rows}
    context.warehouse.query("features/training_rows", {**rows_of_run(context), **days, **sizes})


def submit(candidates: Iterable[str], attempt: int, context: StepContext) -> None:
    """Submit a CREATE MODEL job for each candidate, once.

    The job ids are written to the ledger before the jobs are submitted. So another delivery of the message uses the
    same ids, even if newer code would compute other ids, and BigQuery runs each job only once. The function `ended`
    finds the jobs later.
    """
    ids = {candidate: context.warehouse.job_id(_create_model(candidate, context), attempt) for candidate in candidates}
    for candidate, job_id in context.runs.plan_trainings(context.run_id, attempt, ids).items():
        context.warehouse.start(_create_model(candidate, context), job_id, attempt)


def ended(attempt: int, context: StepContext) -> dict[str, bigquery.QueryJob] | None:
    """Return each candidate's newest job from attempts 1 to `attempt`.

    Return None if a job has not ended, or if no training was planned.
    """
    ids = {
        candidate: job_id
        for number in range(1, attempt + 1)
        for candidate, job_id in context.runs.trainings(context.run_id, number).items()
    }
    found = {}
    for candidate, job_id in ids.items():
        job = context.warehouse.find(job_id)
        # The job may not exist yet, because the job's id is written before the job is submitted.
        if job is None or not job.done(reload=False):
            return None
        found[candidate] = job
    return found or None


def to_repeat(jobs: Mapping[str, bigquery.QueryJob], attempt: int) -> list[str]:
    """Return the candidates whose failed jobs may succeed in another attempt.

    After the last attempt, return no candidates.
    """
    if attempt >= TRIES:
        return []
    return [candidate for candidate, job in jobs.items() if job.error_result and heals(job)]


def failures(jobs: Mapping[str, bigquery.QueryJob]) -> dict[str, str]:
    """Return the reason of each failed job, by candidate."""
    return {candidate: reason(job) for candidate, job in jobs.items() if job.error_result}


def _create_model(candidate: str, context: StepContext) -> Statement:
    return Statement(f"models/{candidate}", rows_of_run(context), {"model": model_name(candidate, context.run_id)})


def billed(run_id: str, environment: Environment) -> dict[str, int]:
    """Return the bytes that BigQuery bills for the trainings of each candidate, including all attempts."""
    found: Counter[str] = Counter()
    for attempt in range(1, TRIES + 1):
        for candidate, job_id in environment.runs.trainings(run_id, attempt).items():
            # A job may be missing, because BigQuery keeps jobs only for half a year.
            with contextlib.suppress(NotFound):
                job: bigquery.QueryJob = environment.bigquery.get_job(job_id, location=environment.settings.location)  # type: ignore[assignment]
                found[candidate] += job.total_bytes_billed or 0
    return dict(found)
