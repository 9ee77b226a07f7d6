"""Export the winner, register it, deploy it as a canary, hold it to golden rows, and make it the champion.

On     model-approved   ModelApproved(run_id, candidate)
Runs   sql/deployment
Emits  model-deployed   ModelDeployed(run_id, version)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import functions_framework

from shared import training
from shared.errors import Permanent
from shared.events import ModelApproved, ModelDeployed
from shared.handler import handle
from shared.registry import Note
from shared.warehouse import Statement

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

    from shared.cloud import Cloud

# As near as ML.PREDICT and the endpoint must be on the same rows.
TOLERANCE = 1e-6


@functions_framework.cloud_event
def deploy_model(cloud_event: CloudEvent) -> None:
    """Decode, run the step, publish what it returns."""
    handle(cloud_event, step)


def step(event: ModelApproved, cloud: Cloud) -> ModelDeployed:
    """Move traffic only after the endpoint has said what ML.PREDICT says; each part finds what a former try left."""
    model = training.model_name(event.candidate, event.run_id)
    golden = export(model, cloud)
    registry = cloud.registry
    version = registry.register(model, event.run_id, event.candidate, cloud.warehouse)
    canary = registry.deploy_canary(version, _operation(cloud), cloud.settings.wait_seconds)
    expected = [row.pop("expected_probability") for row in golden]
    answered = registry.answers(canary, golden)
    difference = max(abs(one - other) for one, other in zip(expected, answered, strict=True))
    document = {"model": model, "version": version.number, "golden_rows": len(golden), "largest_difference": difference}
    cloud.ledger.write(event.run_id, "deployment", document)
    if difference > TOLERANCE:
        registry.withdraw(canary)
        raise Permanent(
            f"the endpoint differs from ML.PREDICT by up to {difference:.2g} on {len(golden)} golden rows, which is "
            f"more than {TOLERANCE}: version {version.number} was withdrawn"
        )
    registry.promote(canary, version)
    return ModelDeployed(event.run_id, version.number)


def export(model: str, cloud: Cloud) -> list[dict[str, Any]]:
    """Write the model's files into the run's folder and return its golden rows."""
    files = {"model": model, "uri": cloud.ledger.uri(cloud.run_id, "model/")}
    rows = {**training.rows_of_run(cloud), "rows": cloud.settings.serving.golden_rows}
    _, golden = cloud.warehouse.query_all(
        [
            Statement("deployment/export_model", {}, files),
            Statement("deployment/golden_rows", rows, {"model": model}),
        ]
    )
    return golden


def _operation(cloud: Cloud) -> Note:
    """Return the note in the run's folder that names the deployment's operation."""

    def read() -> str | None:
        return (cloud.ledger.read(cloud.run_id, "deployment_operation") or {}).get("name")

    def write(name: str | None) -> None:
        cloud.ledger.write(cloud.run_id, "deployment_operation", {"name": name})

    return Note(read, write)
