"""Handle a delivered message: find its event and run, run the step, record the outcome, publish the next event.

The order makes redelivery safe. The step's writes replace former content, the step's record is written once, and only a
recorded event is published. So a process may die at any point. If the step has a record, the next delivery publishes
the record's event; otherwise it runs the step again.

These places decide whether a message is acknowledged, retried or given up:

shared/push.py                   a request that is not a push is refused (400). If `handle` returns, the message is
                                 acknowledged (204). If `handle` raises, Pub/Sub delivers the message again
shared/errors.py                 which errors a retry cannot fix: `Permanent`, and a missing right after ten minutes
shared/handler.py                the consequence: a failure recorded on the run, a dead letter, or another delivery
shared/dead_letters.py           how a dead letter is published. Pub/Sub forwards a message that is too large to be
                                 published with the reason
shared/warehouse.py              after which errors of a BigQuery job a new job may succeed
shared/chain/registry.py         after which errors of a deployment a new one may succeed
functions/evaluate_models.py     whether failed trainings are submitted again, up to `training.TRIES` times
functions/functions.yaml         `delivery`: Pub/Sub's backoff, and the number of delivery attempts
functions/resume_runs.py         which runs are stalled because an event was lost
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.api_core.exceptions import Forbidden

from shared.chain.environment import StepContext, environment
from shared.chain.log_events import (
    FailureUnrecorded,
    RecordUnreadable,
    RunUnreadable,
    StepBegan,
    StepEnded,
    StepFailed,
    StepFailedForGood,
    StepFinishedElsewhere,
    StepWaits,
)
from shared.chain.runs import Failure, Record
from shared.dead_letters import reject
from shared.deadline import Deadline
from shared.errors import Malformed, NotReady, Permanent, is_final
from shared.events import RunFailed
from shared.log import log, log_exception

if TYPE_CHECKING:
    from shared.chain.steps import Step
    from shared.events import Event
    from shared.push import Message


def handle(message: Message, step: Step) -> None:
    """Run the step on the message's event, unless the step has a record already, and publish the recorded event.

    An earlier delivery may have written the record and died before it published the event. So a recorded event is
    published again, unless a later step of the run has a record. Then the event has arrived.

    Returning acknowledges the message. After an exception, Pub/Sub delivers it again, with backoff.
    """
    world, now = environment(), datetime.now(UTC)
    deadline = Deadline(world.settings.wait_seconds)
    try:
        event = step.event(message, world, now)
        if event is None:
            return
        record = world.runs.record(event.run_id, event.recorded_as(step.name))
        if record is None:
            record = _run(step, event, StepContext(world, event.run_id, step.name, now, deadline), message)
        elif world.runs.went_on(event.run_id, record):
            return
    except Permanent as error:
        # There is no run in which the failure could be recorded: the message is malformed, its run was not opened, or
        # the message cannot open a run.
        reject(message, error, step.name, world)
        return
    except Forbidden as error:
        if not is_final(error, message.published_at):
            raise
        reject(message, error, step.name, world)
        return
    if record is not None:
        world.publish(record.event)


def _run(step: Step, event: Event, context: StepContext, message: Message) -> Record | None:
    """Run the step, record its outcome and return the record.

    Return None if this delivery has no event to publish, for one of three reasons. First, the step returned no event,
    because it waits. Second, the step failed for good, and run-failed was published. Third, a delivery of another
    message recorded the step first, and publishes the event.

    Raises:
        Malformed: the run was not opened, was opened by another kind of event, or was reset during the step.
        Exception: the step's error, if a retry may help.
    """
    of_run = (context.run_id, context.step)
    place = event.recorded_as(context.step)
    opened = context.run
    if event.is_first and opened.event.topic != event.topic:
        raise Malformed(f"run {context.run_id} was opened by {opened.event.topic}, not by {event.topic}")
    log(StepBegan(*of_run, message.attempt))
    try:
        following = step.run(event, context)
    except NotReady as waiting:
        log(StepWaits(*of_run, str(waiting)))
        raise
    except Malformed:
        raise
    except Exception as error:
        if _is_reset(context):
            raise Malformed(f"run {context.run_id} was reset while {context.step} was running") from error
        if standing := _finished(place, context):
            log(StepFinishedElsewhere(*of_run, str(error)))
            return standing if standing.message_id == message.id else None
        if is_final(error, message.published_at):
            log_exception(StepFailedForGood(*of_run, str(error)))
            context.runs.fail(
                context.run_id, Failure(place, str(error), is_permanent=True, failed_at=datetime.now(UTC))
            )
            # If the process dies before it publishes run-failed, the next delivery runs the step again, fails again and
            # publishes run-failed.
            context.environment.publish(RunFailed(context.run_id, place))
            return None
        log_exception(StepFailed(*of_run, str(error)))
        _remember(error, place, context)
        raise
    if following is None:
        return None
    warehouse = context.warehouse
    record = Record(
        place, following, context.now, datetime.now(UTC), warehouse.seconds, message.id, warehouse.bytes_billed
    )
    seconds = round((record.finished_at - record.started_at).total_seconds(), 3)
    log(StepEnded(*of_run, following.topic, seconds))
    standing = context.runs.finish(context.run_id, record)
    return standing if standing.message_id == message.id else None


def _is_reset(context: StepContext) -> bool:
    """Return whether the run was reset, so that nothing may be written to its folder.

    Return False if the bucket cannot be read.
    """
    try:
        return not context.runs.is_opened(context.run_id)
    except Exception:  # noqa: BLE001 - logged; the caller raises the step's own error
        log_exception(RunUnreadable(context.run_id, context.step))
        return False


def _finished(place: str, context: StepContext) -> Record | None:
    """Return the step's record if another delivery has finished the step since this delivery began.

    Return None if there is no such record, or if the bucket cannot be read.
    """
    try:
        return context.runs.record(context.run_id, place)
    except Exception:  # noqa: BLE001 - logged; the caller raises the step's own error
        log_exception(RecordUnreadable(context.run_id, context.step))
        return None


def _remember(error: Exception, place: str, context: StepContext) -> None:
    """Record the step's failure. An error in recording it is only logged, because the step's own error matters more."""
    reason = f"{type(error).__name__}: {error}"
    try:
        context.runs.fail(context.run_id, Failure(place, reason, is_permanent=False, failed_at=datetime.now(UTC)))
    except Exception:  # noqa: BLE001 - logged; the caller raises the step's own error
        log_exception(FailureUnrecorded(context.run_id, context.step))
