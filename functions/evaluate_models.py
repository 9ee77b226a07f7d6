"""Choose among the candidates, hold the winner and the champions to the same test visitors, and let the gate decide.

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
    """Read either shape, run the step, publish what it returns."""
    handle(message, STEP)


def decode(message: Message) -> TrainingProgressed:
    """Read our own event, or the run and the attempt off the labels in the audit log entry of its job.

    Raises:
        Malformed: it is neither.
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
    """Judge once the last candidate has ended, unless another attempt may heal it; until then nothing is to do.

    Raises:
        Permanent: no candidate could be trained; says why.
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
    """See that no training was denied just now: another attempt at once would be denied too.

    Raises:
        NotReady: one was, and the right may still be on its way.
    """
    for job in jobs:
        denied = denied_at(job)
        if denied and context.now - denied < PROPAGATION:
            raise NotReady(f"{reason(job)}; a right that was just granted takes minutes to be known")


STEP = Step("evaluate_models", step, decode)
