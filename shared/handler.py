"""From a delivered message to at most one effect: find the event and its run, run the step, record, publish.

Order is what makes it safe. The step's writes replace, its record is written once, and only a recorded event is
published, so a process may die anywhere: the next delivery finds what stands and goes on from there.

Whether a message is acknowledged, tried again or given up is decided in these places:

shared/push.py                   what is no push is refused (400); where the function returns, the message is
                                 acknowledged (204), and where it raises, Pub/Sub delivers it again
shared/errors.py                 which errors no retry can help: `Permanent`, and a missing right after ten minutes
shared/handler.py                what becomes of each: a failure on the run, a dead letter, or another delivery
shared/dead_letters.py           how a message is given up; one that is too large for its reason is left to Pub/Sub
shared/warehouse.py              which failed BigQuery jobs heal, so that another job may succeed
shared/chain/registry.py         which failed deployments heal
functions/evaluate_models.py     whether failed trainings are tried again, up to `training.TRIES` times
functions/functions.yaml         `delivery`: how soon Pub/Sub delivers again, and after how many times it gives up
functions/resume_runs.py         which runs stand still, because an event was lost
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
from shared.log import log, log_exception

if TYPE_CHECKING:
    from shared.chain.steps import Step
    from shared.events import Event
    from shared.push import Message


def handle(message: Message, step: Step) -> None:
    """Give the message's event to the step unless that has been done, and publish what the step says next.

    What a former delivery recorded is published again, since it may have died before, unless the run has gone on from
    there: then it was heard, and saying it again would be heard again all the way to the run's end.

    Returning acknowledges the message; raising has it delivered again, with backoff.
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
        # It belongs to no run: malformed, of a run that nobody opened, or what it asks for cannot even be looked up.
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
    """Run the step and record its outcome; None when it is over without one, for now or for good.

    None also where a delivery of another message has finished first: that one publishes, or is delivered again.
    """
    of_run = (context.run_id, context.step)
    place = event.recorded_as(context.step)
    # Of a run that nobody opened, or of one of another kind, there is nothing to be done.
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
            raise Malformed(f"run {context.run_id} was reset while {context.step} was at work") from error
        if standing := _finished(place, context):
            log(StepFinishedElsewhere(*of_run, str(error)))
            return standing if standing.message_id == message.id else None
        if is_final(error, message.published_at):
            log_exception(StepFailedForGood(*of_run, str(error)))
            context.runs.fail(
                context.run_id, Failure(place, str(error), is_permanent=True, failed_at=datetime.now(UTC))
            )
            return None
        log_exception(StepFailed(*of_run, str(error)))
        _remember(error, place, context)
        raise
    if following is None:
        return None
    record = Record(place, following, context.now, datetime.now(UTC), context.warehouse.seconds, message.id)
    seconds = round((record.finished_at - record.started_at).total_seconds(), 3)
    log(StepEnded(*of_run, following.topic, seconds))
    standing = context.runs.finish(context.run_id, record)
    return standing if standing.message_id == message.id else None


def _is_reset(context: StepContext) -> bool:
    """Whether the run is gone, so that nothing may be written into its folder any more."""
    try:
        return not context.runs.is_opened(context.run_id)
    except Exception:  # noqa: BLE001 - logged, and the step's own error goes on to be raised
        log_exception(RunUnreadable(context.run_id, context.step))
        return False


def _finished(place: str, context: StepContext) -> Record | None:
    """Return the record of another delivery that has finished the step since this one began."""
    try:
        return context.runs.record(context.run_id, place)
    except Exception:  # noqa: BLE001 - logged, and the step's own error goes on to be raised
        log_exception(RecordUnreadable(context.run_id, context.step))
        return None


def _remember(error: Exception, place: str, context: StepContext) -> None:
    """Record a failure if the bucket lets us: the error that caused it matters more than this one."""
    reason = f"{type(error).__name__}: {error}"
    try:
        context.runs.fail(context.run_id, Failure(place, reason, is_permanent=False, failed_at=datetime.now(UTC)))
    except Exception:  # noqa: BLE001 - logged, and the first error goes on to be raised
        log_exception(FailureUnrecorded(context.run_id, context.step))
