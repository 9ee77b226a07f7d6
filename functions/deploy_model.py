"""Export and register the winner, deploy it as a canary, test it on golden rows, and make it the champion.

On     model-approved   ModelApproved(run_id, candidate)
Runs   sql/deployment
Emits  model-deployed   ModelDeployed(run_id, version)
       scoring-due      ScoringDue(run_id): another version became champion and scores the run's data
       run-superseded   RunSuperseded(run_id, by)
       run-failed       RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain import current, pointer, promotion, revisions
from shared.chain.documents import (
    DEPLOYMENT,
    DEPLOYMENT_OPERATION,
    EVALUATION,
    SUPERSEDED,
    Deployment,
    DeploymentOperation,
    Superseded,
)
from shared.chain.log_events import DeploymentSuperseded
from shared.chain.registry import Note
from shared.chain.steps import Step
from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.events import ModelApproved, ModelDeployed, RunSuperseded, ScoringDue
from shared.handler import handle
from shared.log import log
from shared.online import contract

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.chain.environment import StepContext
    from shared.push import Message


@push.function
def deploy_model(message: Message) -> None:
    """Run the step on the message's event and publish the event that it returns."""
    handle(message, STEP)


def step(event: ModelApproved, context: StepContext) -> ModelDeployed | ScoringDue | RunSuperseded:
    """Deploy the winner as a canary, and promote it if its answers equal BigQuery's. Each part can be repeated."""
    registry = context.registry
    if end := overtaken(event, context):
        return end
    evaluation = context.runs.require(event.run_id, EVALUATION)
    judged, calibrator = evaluation.champion, evaluation.calibrator
    if why := promotion.objection(event.run_id, judged, context.environment):
        return superseded(event, why, context)
    inputs = revisions.inputs(event.candidate, context)
    require_known_online(inputs)
    golden = revisions.export(event.candidate, inputs, calibrator, context)
    expected = [row.pop("expected_probability") for row in golden]
    revisions.keep_scorer(event.candidate, inputs, calibrator, golden, expected, context)
    model = model_name(event.candidate, event.run_id)
    version = registry.register(model, event.run_id, event.candidate, context.warehouse)
    # The canary may answer checkouts, so the pointer needs the canary's calibrator.
    pointer.follow(context.environment)
    operation = _operation(context)
    canary = registry.deploy_canary(version, operation, context.deadline)
    try:
        answered = [calibrator.apply(answer) for answer in registry.answers(canary, golden, context.deadline)]
        difference = require_parity(expected, answered)
    except Permanent:
        # `withdraw_run` undeploys the canary, unless another delivery has made it the champion in the meantime.
        registry.withdraw_run(event.run_id)
        operation.write(None)
        raise
    deployment = Deployment(
        model=model,
        version=version.number,
        golden_rows=len(golden),
        largest_difference=difference,
        inputs=inputs,
        percentiles=revisions.percentiles(event.candidate, context),
    )
    context.runs.write(event.run_id, DEPLOYMENT, deployment)
    # The deployment took minutes, so check again whether a newer run holds the claim.
    if end := overtaken(event, context):
        return end
    reason = f"the gate approved {event.candidate}. {evaluation.choice}"
    why = promotion.promote(canary, version, judged, reason, context.environment)
    pointer.follow(context.environment)
    promotion.record_moves(context.environment)
    return superseded(event, why, context) if why else ModelDeployed(event.run_id, version.number)


def overtaken(event: ModelApproved, context: StepContext) -> RunSuperseded | None:
    """Renew the run's claim. If a newer run holds the claim, undeploy the canary and return the run's last event."""
    newer = current.hold(event.run_id, context.environment, context.now)
    if newer is None:
        return None
    context.registry.withdraw_run(event.run_id)
    return RunSuperseded(event.run_id, newer)


def superseded(event: ModelApproved, why: str, context: StepContext) -> ScoringDue:
    """Undeploy the run's canary, and return the event with which the current champion scores the run's data."""
    log(DeploymentSuperseded(event.run_id, why))
    context.registry.withdraw_run(event.run_id)
    context.runs.write(event.run_id, SUPERSEDED, Superseded(reason=why))
    return ScoringDue(event.run_id)


def require_known_online(inputs: Collection[str]) -> None:
    """Check that a checkout can send every input of the model.

    Raises:
        Permanent: the contract of checkouts lacks an input. All checkouts would be scored with the mean of this input.
    """
    known = contract.Features.__struct_fields__
    if unknown := ", ".join(name for name in inputs if name not in known):
        raise Permanent(f"no checkout can send {unknown}: add it to shared/online/contract.py (docs/add-a-feature.md)")


def require_parity(expected: list[float], answered: list[float]) -> float:
    """Return the largest difference between the endpoint's and BigQuery's calibrated probabilities of the golden rows.

    Raises:
        Permanent: the difference is larger than the tolerance, or there are no golden rows.
    """
    difference = revisions.largest_difference(expected, answered)
    if difference > revisions.TOLERANCE:
        raise Permanent(
            f"the endpoint differs from ML.PREDICT by up to {difference:.2g} on {len(expected)} golden rows, "
            f"which is more than {revisions.TOLERANCE}"
        )
    return difference


def _operation(context: StepContext) -> Note:
    """Return functions that read and write the name of the deployment's operation in the run's folder."""

    def read() -> str | None:
        operation = context.runs.read(context.run_id, DEPLOYMENT_OPERATION)
        return operation.name if operation else None

    def write(name: str | None) -> None:
        context.runs.write(context.run_id, DEPLOYMENT_OPERATION, DeploymentOperation(name=name))

    return Note(read, write)


STEP = Step("deploy_model", step)
