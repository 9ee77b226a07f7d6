"""Choose a winner, compare it with the champions on the same test visitors, and apply the gate.

On     training-progressed   TrainingProgressed(run_id, attempt), or the log entry of a finished CREATE MODEL job
Runs   sql/evaluation
Emits  training-failed       TrainingFailed(run_id, attempt, candidates)
       model-approved        ModelApproved(run_id, candidate)
       model-rejected        ModelRejected(run_id, reasons)
       run-superseded        RunSuperseded(run_id, by)
       run-failed            RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain import current, evaluation, rejections, training
from shared.chain.documents import EVALUATION
from shared.chain.log_events import GateApproved, GateRejected, NothingLearnt, TrainingRepeated
from shared.chain.steps import Step
from shared.errors import PROPAGATION, Malformed, NotReady, Permanent
from shared.events import ModelApproved, ModelRejected, RunSuperseded, TrainingFailed, TrainingProgressed
from shared.handler import handle
from shared.log import log
from shared.warehouse import denied_at, reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.cloud import bigquery

    from shared.chain.environment import StepContext
    from shared.push import Message


@push.function
def evaluate_models(message: Message) -> None:
    """Decode the event from one of two formats, run the step, and publish the event that it returns."""
    handle(message, STEP)


def decode(message: Message) -> TrainingProgressed:
    """Return the event from a message of train_models, or from BigQuery's audit log entry about a training job.

    The labels of the job in the log entry name the run and the attempt.

    Raises:
        Malformed: the message has neither of the two formats.
    """
    if "protoPayload" not in message.body:
        return TrainingProgressed.from_json(message.body)
    try:
        labels = message.body["protoPayload"]["metadata"]["jobChange"]["job"]["jobConfig"]["labels"]
        return TrainingProgressed(labels["run_id"], int(labels["attempt"]))
    except (KeyError, TypeError, ValueError):
        raise Malformed("the log entry is of no job labelled with a run_id and an attempt") from None


def step(
    event: TrainingProgressed, context: StepContext
) -> TrainingFailed | ModelApproved | ModelRejected | RunSuperseded | None:
    """Evaluate the candidates once all trainings have ended. Until then, return None.

    If failed trainings may succeed in another attempt, return TrainingFailed without an evaluation. If no candidate
    could be trained because all or none of the training visitors bought, return ModelRejected.

    Raises:
        Permanent: no candidate could be trained, for another reason; the message says why.
    """
    if newer := current.hold(event.run_id, context.environment, context.now):
        return RunSuperseded(event.run_id, newer)
    jobs = training.ended(event.attempt, context)
    if jobs is None:
        return None
    require_patience(jobs.values(), context)
    failed = training.failures(jobs)
    if healing := training.to_repeat(jobs, event.attempt):
        log(TrainingRepeated(event.run_id, event.attempt, [failed[candidate] for candidate in healing]))
        return TrainingFailed(event.run_id, event.attempt, healing)
    trained = [candidate for candidate in jobs if candidate not in failed]
    if not trained:
        if lack := evaluation.lack_of_buyers(context):
            log(NothingLearnt(event.run_id, lack))
            return ModelRejected(event.run_id, [lack])
        raise Permanent(f"no candidate could be trained: {'; '.join(f'{name}: {why}' for name, why in failed.items())}")
    report = evaluation.evaluate(trained, failed, context)
    context.runs.write(event.run_id, EVALUATION, report)
    if not report.passes:
        in_a_row = rejections.until(event.run_id, context.runs)
        log(GateRejected(event.run_id, report.winner, report.reasons, in_a_row))
        return ModelRejected(event.run_id, report.reasons)
    word = report.test[report.winner].word
    log(GateApproved(event.run_id, report.winner, word))
    return ModelApproved(event.run_id, report.winner)


def require_patience(jobs: Iterable[bigquery.QueryJob], context: StepContext) -> None:
    """Check that no training has recently failed because of a missing permission.

    Raises:
        NotReady: BigQuery recently denied a training. A retry must wait, because a permission that was granted since
            then takes effect only after some minutes.
    """
    for job in jobs:
        denied = denied_at(job)
        if denied and context.now - denied < PROPAGATION:
            raise NotReady(f"{reason(job)}; a right that was just granted takes minutes to be known")


STEP = Step("evaluate_models", step, decode)
