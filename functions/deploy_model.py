"""Export the winner, register it, deploy it as a canary, hold it to golden rows, and make it the champion.

On     model-approved   ModelApproved(run_id, candidate)
Runs   sql/deployment
Emits  model-deployed   ModelDeployed(run_id, version)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import functions_framework

from shared import revisions, scoring, training
from shared.errors import Permanent
from shared.events import ModelApproved, ModelDeployed
from shared.handler import handle
from shared.registry import Note

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

    from shared.cloud import Cloud

# How far another scorer may be from ML.PREDICT on the same rows.
TOLERANCE = 1e-6


@functions_framework.cloud_event
def deploy_model(cloud_event: CloudEvent) -> None:
    """Decode, run the step, publish what it returns."""
    handle(cloud_event, step)


def step(event: ModelApproved, cloud: Cloud) -> ModelDeployed:
    """Move traffic only after the endpoint has said what ML.PREDICT says; each part finds what a former try left."""
    golden = revisions.export(event.candidate, cloud)
    expected = [row.pop("expected_probability") for row in golden]
    embedded = scoring.load(cloud.ledger.read(event.run_id, revisions.ARTEFACT) or {})
    require_parity("the scorer artefact", expected, [embedded.probability(row) for row in golden])
    registry = cloud.registry
    model = training.model_name(event.candidate, event.run_id)
    version = registry.register(model, event.run_id, event.candidate, cloud.warehouse)
    canary = registry.deploy_canary(version, _operation(cloud), cloud.settings.wait_seconds)
    try:
        difference = require_parity("the endpoint", expected, registry.answers(canary, golden))
    except Permanent:
        registry.withdraw(canary)
        raise
    document = {"model": model, "version": version.number, "golden_rows": len(golden), "largest_difference": difference}
    cloud.ledger.write(event.run_id, "deployment", document)
    registry.promote(canary, version)
    return ModelDeployed(event.run_id, version.number)


def require_parity(who: str, expected: list[float], answered: list[float]) -> float:
    """Return the largest difference between ML.PREDICT and another scorer on the golden rows.

    Raises:
        Permanent: it is larger than the tolerance.
    """
    difference = max((abs(one - other) for one, other in zip(expected, answered, strict=True)), default=0.0)
    if difference > TOLERANCE:
        raise Permanent(
            f"{who} differs from ML.PREDICT by up to {difference:.2g} on {len(expected)} golden rows, "
            f"which is more than {TOLERANCE}"
        )
    return difference


def _operation(cloud: Cloud) -> Note:
    """Return the note in the run's folder that names the deployment's operation."""

    def read() -> str | None:
        return (cloud.ledger.read(cloud.run_id, "deployment_operation") or {}).get("name")

    def write(name: str | None) -> None:
        cloud.ledger.write(cloud.run_id, "deployment_operation", {"name": name})

    return Note(read, write)
