"""The candidates' training: which rows, which models, which jobs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import Permanent
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.cloud import bigquery

    from shared.cloud import Cloud

# How often a candidate is trained before its failure stands.
TRIES = 3
# How old a run may be that still writes rows: sql/tables lets them expire from the day on which the run was opened.
OLDEST = timedelta(days=6)
_MODEL = re.compile(r"\w+_([0-9]{8})_([0-9a-f]{8})")


def model_name(candidate: str, run_id: str) -> str:
    """Return the name of the run's own model in BigQuery, so that a former one stays for a rollback."""
    return f"{candidate}_{run_id.replace('-', '_')}"


def run_of_model(name: str) -> str | None:
    """Return the run whose model in BigQuery has this name; None where it is no run's."""
    found = _MODEL.fullmatch(name)
    return found and f"{found[1]}-{found[2]}"


def rows_of_run(cloud: Cloud) -> dict[str, Any]:
    """Return the parameters that name the run's rows in the tables that hold several runs'.

    Raises:
        Permanent: the run is so old that BigQuery would let its rows expire as soon as they are written.
    """
    opened_at = datetime.fromisoformat(cloud.run["opened_at"])
    if cloud.now - opened_at > OLDEST:
        raise Permanent(
            f"run {cloud.run_id} was opened on {opened_at:%Y-%m-%d}, and its rows expire {OLDEST.days + 1} days later: "
            f"remove it (`propensity reset {cloud.run_id}`), and what it had read is read again"
        )
    return {"run_id": cloud.run_id, "created_on": opened_at.date()}


def freeze_rows(cloud: Cloud) -> None:
    """Write down the rows that the run learns from, cut by time."""
    training = cloud.settings.training
    as_of = datetime.fromisoformat(cloud.run["as_of"]).date()
    parameters = {
        **rows_of_run(cloud),
        "from_day": as_of - timedelta(days=training.window_days - 1),
        "as_of": as_of,
        "train_share": training.train_share,
        "evaluation_share": training.evaluation_share,
    }
    cloud.warehouse.query("features/training_rows", parameters)


def submit(candidates: Iterable[str], attempt: int, cloud: Cloud) -> None:
    """Submit a CREATE MODEL job for each candidate, once.

    The ids are written down first. So another delivery, even of another deployment, submits under the same ids, and
    BigQuery runs each only once. Whoever waits for the jobs finds them by `ended`.
    """
    ids = {candidate: cloud.warehouse.job_id(_create_model(candidate, cloud), attempt) for candidate in candidates}
    for candidate, job_id in cloud.ledger.plan_trainings(cloud.run_id, attempt, ids).items():
        cloud.warehouse.start(_create_model(candidate, cloud), job_id, attempt)


def ended(attempt: int, cloud: Cloud) -> dict[str, bigquery.QueryJob] | None:
    """Return each candidate's newest job of the attempts up to this one, or None unless all have ended."""
    ids = {
        candidate: job_id
        for number in range(1, attempt + 1)
        for candidate, job_id in cloud.ledger.trainings(cloud.run_id, number).items()
    }
    found = {}
    for candidate, job_id in ids.items():
        job = cloud.warehouse.find(job_id)
        # Its id is written down before it is submitted.
        if job is None or not job.done(reload=False):
            return None
        found[candidate] = job
    return found or None


def _create_model(candidate: str, cloud: Cloud) -> Statement:
    return Statement(f"models/{candidate}", rows_of_run(cloud), {"model": model_name(candidate, cloud.run_id)})
