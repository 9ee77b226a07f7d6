"""The candidates' training: which rows, which models, which jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.warehouse import Statement

if TYPE_CHECKING:
    from google.cloud import bigquery

    from shared.cloud import Cloud

# How often a candidate is trained before its failure stands.
TRIES = 3


def model_name(candidate: str, run_id: str) -> str:
    """Return the name of the run's own model in BigQuery, so that a former one stays for a rollback."""
    return f"{candidate}_{run_id.replace('-', '_')}"


def rows_of_run(cloud: Cloud) -> dict[str, Any]:
    """Return the parameters that name the run's rows in the tables that hold several runs'."""
    return {"run_id": cloud.run_id, "created_on": datetime.fromisoformat(cloud.run["opened_at"]).date()}


def freeze_rows(cloud: Cloud) -> None:
    """Write down the rows that the run learns from, cut by time."""
    training = cloud.settings.training
    as_of = datetime.fromisoformat(cloud.run["as_of"]).date()
    parameters = {
        **rows_of_run(cloud),
        "from_day": as_of - timedelta(days=training.window_days - 1),
        "as_of": as_of,
        "train_share": 1 - training.evaluation_share - training.test_share,
        "evaluation_share": training.evaluation_share,
    }
    cloud.warehouse.query("features/training_rows", parameters)


def submit(cloud: Cloud) -> dict[str, bigquery.QueryJob]:
    """Return each candidate's CREATE MODEL job, submitting those that nobody has submitted.

    A job that failed for a reason that heals is submitted again, up to three times in all; what is returned may run,
    have succeeded or have failed.
    """
    trainer = cloud.of_step("train_models")
    statements = {
        candidate: Statement(f"models/{candidate}", rows_of_run(cloud), {"model": model_name(candidate, cloud.run_id)})
        for candidate in cloud.settings.training.candidates
    }
    return {candidate: trainer.warehouse.submit(statement, tries=TRIES) for candidate, statement in statements.items()}
