"""From a delivered message to at most one effect: decode, look in the ledger, run the step, record, publish.

Order is what makes it safe. The step's writes replace, its record is written once, and only a recorded event is
published, so a process may die anywhere: the next delivery finds what stands and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.api_core.exceptions import Forbidden

from shared.cloud import Clients, Cloud, clients
from shared.errors import Malformed, NotReady, Permanent, is_final, told
from shared.events import EVENTS, Event
from shared.ledger import Failure, Record
from shared.log import log, log_exception
from shared.log_events import (
    FailureUnrecorded,
    MessageRejected,
    RecordUnreadable,
    RunUnreadable,
    StepBegan,
    StepEnded,
    StepFailed,
    StepFailedForGood,
    StepFinishedElsewhere,
    StepWaits,
)
from shared.push import Message

DEAD_LETTERS = "dead-letters"
# Attributes that a dead letter has besides the message's own.
REJECTED = "rejected_"
REJECTED_BY = f"{REJECTED}by"
REJECTED_FOR = f"{REJECTED}for"
REJECTED_TOPIC = f"{REJECTED}topic"
REJECTED_ID = f"{REJECTED}id"
REJECTED_BYTES = f"{REJECTED}bytes"
# What Pub/Sub takes, less what the request around the message needs.
MAX_BYTES = 10_000_000 - 1_000
MAX_ATTRIBUTES = 100


class TooLargeError(ValueError):
    """A message that cannot be used is too large to be passed on with the reason."""


type Decode = Callable[[Message, Clients], Event | None]


def decode_event(message: Message, _: Clients) -> Event:
    """Read one of our own events off its topic.

    Raises:
        Malformed: the topic is not ours, or the body is not its event.
    """
    if message.topic not in EVENTS:
        raise Malformed(f"no event belongs to topic {message.topic!r}")
    return EVENTS[message.topic].from_json(message.body)


def handle[E: Event](message: Message, step: Callable[[E, Cloud], Event | None], decode: Decode = decode_event) -> None:
    """Give the event to the step unless that has been done, and publish what the step says next.

    What a former delivery recorded is published again, since it may have died before, unless the run has gone on from
    there: then it was heard, and saying it again would be heard again all the way to the run's end.

    Returning acknowledges the message; raising has it delivered again, with backoff.
    """
    name = step.__module__.rpartition(".")[2]
    world = clients()
    try:
        event = decode(message, world)
        if event is None:
            return
        record = world.ledger.record(event.run_id, event.recorded_as(name))
        if record is None:
            record = _run(step, event, Cloud(world, event.run_id, name, now=datetime.now(UTC)), message)
        elif world.ledger.went_on(event.run_id, record):
            return
    except Permanent as error:
        # It belongs to no run: malformed, of a run that nobody opened, or what it asks for cannot even be looked up.
        reject(message, error, name, world)
        return
    except Forbidden as error:
        if not is_final(error, message.published_at):
            raise
        reject(message, error, name, world)
        return
    if record is not None:
        world.publish(record.event)


def reject(message: Message, error: Exception, function: str, world: Clients) -> None:
    """Give a message that no retry can help to the dead letters, as it came, with the reason.

    Raises:
        TooLargeError: there is no room beside it for the reason. The reason has gone ahead alone, and Pub/Sub
            brings the message itself to the dead letters once it gives up.
    """
    log(MessageRejected(function, message.id, str(error)))
    about = {
        REJECTED_BY: function,
        REJECTED_FOR: _attribute(str(error)),
        REJECTED_TOPIC: message.topic,
        REJECTED_ID: message.id,
    }
    if _fits(message, about):
        world.pass_on(DEAD_LETTERS, message.data, {**message.attributes, **about})
        return
    about[REJECTED_BYTES] = str(len(message.data))
    world.pass_on(DEAD_LETTERS, b"", about)
    raise TooLargeError(f"message {message.id} has {len(message.data)} bytes: no room for the reason beside them")


def _fits(message: Message, about: Mapping[str, str]) -> bool:
    """Whether Pub/Sub takes the message with these attributes too (https://cloud.google.com/pubsub/quotas)."""
    attributes = {**message.attributes, **about}
    size = len(message.data) + sum(len(f"{name}{value}".encode()) for name, value in attributes.items())
    return size <= MAX_BYTES and len(attributes) <= MAX_ATTRIBUTES


def _attribute(text: str) -> str:
    """Return as much of a text as Pub/Sub lets into an attribute: 1,024 bytes."""
    return told(text).encode(errors="replace")[:1024].decode(errors="ignore")


def _run(step: Callable[[Any, Cloud], Event | None], event: Event, cloud: Cloud, message: Message) -> Record | None:
    """Run the step and record its outcome; None when it is over without one, for now or for good.

    None also where a delivery of another message has finished first: that one publishes, or is delivered again.
    """
    of_run = (cloud.run_id, cloud.step)
    place = event.recorded_as(cloud.step)
    # Of a run that nobody opened, or of one of another kind, there is nothing to be done.
    opened = cloud.run
    if event.is_first and opened["topic"] != event.topic:
        raise Malformed(f"run {cloud.run_id} was opened by {opened['topic']}, not by {event.topic}")
    log(StepBegan(*of_run, message.attempt))
    try:
        following = step(event, cloud)
    except NotReady as waiting:
        log(StepWaits(*of_run, str(waiting)))
        raise
    except Malformed:
        raise
    except Exception as error:
        if _is_reset(cloud):
            raise Malformed(f"run {cloud.run_id} was reset while {cloud.step} was at work") from error
        if standing := _finished(place, cloud):
            log(StepFinishedElsewhere(*of_run, str(error)))
            return standing if standing.message_id == message.id else None
        if is_final(error, message.published_at):
            log_exception(StepFailedForGood(*of_run, str(error)))
            cloud.ledger.fail(cloud.run_id, Failure(place, str(error), is_permanent=True, failed_at=datetime.now(UTC)))
            return None
        log_exception(StepFailed(*of_run, str(error)))
        _remember(error, place, cloud)
        raise
    if following is None:
        return None
    record = Record(place, following, cloud.now, datetime.now(UTC), cloud.warehouse.seconds, message.id)
    seconds = round((record.finished_at - record.started_at).total_seconds(), 3)
    log(StepEnded(*of_run, following.topic, seconds))
    standing = cloud.ledger.finish(cloud.run_id, record)
    return standing if standing.message_id == message.id else None


def _is_reset(cloud: Cloud) -> bool:
    """Whether the run is gone, so that nothing may be written into its folder any more."""
    try:
        return not cloud.ledger.is_opened(cloud.run_id)
    except Exception:  # noqa: BLE001 - logged, and the step's own error goes on to be raised
        log_exception(RunUnreadable(cloud.run_id, cloud.step))
        return False


def _finished(place: str, cloud: Cloud) -> Record | None:
    """Return the record of another delivery that has finished the step since this one began."""
    try:
        return cloud.ledger.record(cloud.run_id, place)
    except Exception:  # noqa: BLE001 - logged, and the step's own error goes on to be raised
        log_exception(RecordUnreadable(cloud.run_id, cloud.step))
        return None


def _remember(error: Exception, place: str, cloud: Cloud) -> None:
    """Record a failure if the bucket lets us: the error that caused it matters more than this one."""
    reason = f"{type(error).__name__}: {error}"
    try:
        cloud.ledger.fail(cloud.run_id, Failure(place, reason, is_permanent=False, failed_at=datetime.now(UTC)))
    except Exception:  # noqa: BLE001 - logged, and the first error goes on to be raised
        log_exception(FailureUnrecorded(cloud.run_id, cloud.step))
