"""From a delivered message to at most one effect: decode, look in the ledger, run the step, record, publish.

Order is what makes it safe. The step's writes replace, its record is written once, and only a recorded event is
published, so a process may die anywhere: the next delivery finds what stands and goes on from there.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Forbidden

from shared.cloud import Clients, Cloud, clients
from shared.errors import Malformed, NotReady, Permanent, is_final
from shared.events import EVENTS, Event
from shared.ledger import Failure, Record
from shared.log import log, log_exception

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True)
class Message:
    """A Pub/Sub message; `body` is its JSON object, {} when it carries attributes alone.

    `published_at` stays what it was however often the message is delivered.
    """

    id: str
    topic: str
    body: dict[str, Any]
    attributes: dict[str, str]
    published_at: datetime


type Decode = Callable[[Message, Clients], Event | None]


def decode_event(message: Message, _: Clients) -> Event:
    """Read one of our own events off its topic.

    Raises:
        Malformed: the topic is not ours, or the body is not its event.
    """
    if message.topic not in EVENTS:
        raise Malformed(f"no event belongs to topic {message.topic!r}")
    return EVENTS[message.topic].from_json(message.body)


def handle[E: Event](
    cloud_event: CloudEvent, step: Callable[[E, Cloud], Event | None], decode: Decode = decode_event
) -> None:
    """Give the event to the step unless that has been done, and publish what the step says next.

    What a former delivery recorded is published again, since it may have died before, unless the run has gone on from
    there: then it was heard, and saying it again would be heard again all the way to the run's end.

    Returning acknowledges the message; raising has it delivered again, with backoff.
    """
    name = step.__module__.rpartition(".")[2]
    world = clients()
    try:
        message = read(cloud_event)
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
        reject(cloud_event, error, name, world)
        return
    except Forbidden as error:
        if not is_final(error, published_at(cloud_event)):
            raise
        reject(cloud_event, error, name, world)
        return
    if record is not None:
        world.publish(record.event)


def reject(cloud_event: CloudEvent, error: Exception, function: str, world: Clients) -> None:
    """Give a message that no retry can help to the dead letters, with the reason."""
    log("ERROR", f"{function}: message {cloud_event['id']} cannot be used: {error}", function=function)
    world.send(DEAD_LETTERS, as_delivered(cloud_event), reason=_attribute(str(error)), function=function)


def _attribute(text: str) -> str:
    """Return as much of a text as Pub/Sub lets into an attribute: 1,024 bytes."""
    return text.encode(errors="replace")[:1024].decode(errors="ignore")


def _run(step: Callable[[Any, Cloud], Event | None], event: Event, cloud: Cloud, message: Message) -> Record | None:
    """Run the step and record its outcome; None when it is over without one, for now or for good.

    None also where a delivery of another message has finished first: that one publishes, or is delivered again.
    """
    about = {"run_id": cloud.run_id, "step": cloud.step}
    place = event.recorded_as(cloud.step)
    log("INFO", f"{cloud.step} began", **about)
    try:
        following = step(event, cloud)
    except NotReady as waiting:
        log("INFO", f"{cloud.step} waits: {waiting}", **about)
        raise
    except Malformed:
        raise
    except Exception as error:
        if _is_reset(cloud):
            raise Malformed(f"run {cloud.run_id} was reset while {cloud.step} was at work") from error
        if standing := _finished(place, cloud):
            log("NOTICE", f"{cloud.step} failed, and another delivery has finished it: {error}", **about)
            return standing if standing.message_id == message.id else None
        if is_final(error, message.published_at):
            log_exception(f"{cloud.step} failed for good: {error}", **about)
            cloud.ledger.fail(cloud.run_id, Failure(place, str(error), is_permanent=True, failed_at=datetime.now(UTC)))
            return None
        log_exception(f"{cloud.step} failed and will be tried again: {error}", **about)
        _remember(error, place, cloud)
        raise
    if following is None:
        return None
    record = Record(place, following, cloud.now, datetime.now(UTC), cloud.warehouse.seconds, message.id)
    seconds = round((record.finished_at - record.started_at).total_seconds(), 3)
    log("INFO", f"{cloud.step} ended: {following.topic}", seconds=seconds, **about)
    standing = cloud.ledger.finish(cloud.run_id, record)
    return standing if standing.message_id == message.id else None


def _is_reset(cloud: Cloud) -> bool:
    """Whether the run is gone, so that nothing may be written into its folder any more."""
    try:
        return not cloud.ledger.is_opened(cloud.run_id)
    except Exception:  # noqa: BLE001 - logged, and the step's own error goes on to be raised
        log_exception("the run could not be looked at", run_id=cloud.run_id, step=cloud.step)
        return False


def _finished(place: str, cloud: Cloud) -> Record | None:
    """Return the record of another delivery that has finished the step since this one began."""
    try:
        return cloud.ledger.record(cloud.run_id, place)
    except Exception:  # noqa: BLE001 - logged, and the step's own error goes on to be raised
        log_exception("the step's record could not be looked at", run_id=cloud.run_id, step=cloud.step)
        return None


def _remember(error: Exception, place: str, cloud: Cloud) -> None:
    """Record a failure if the bucket lets us: the error that caused it matters more than this one."""
    reason = f"{type(error).__name__}: {error}"
    try:
        cloud.ledger.fail(cloud.run_id, Failure(place, reason, is_permanent=False, failed_at=datetime.now(UTC)))
    except Exception:  # noqa: BLE001 - logged, and the first error goes on to be raised
        log_exception("the failure could not be recorded", run_id=cloud.run_id, step=cloud.step)


def read(cloud_event: CloudEvent) -> Message:
    """Take the Pub/Sub message out of a CloudEvent.

    Raises:
        Malformed: there is no message in it, or its data is not a JSON object.
    """
    topic = str(cloud_event["source"]).rpartition("/topics/")[2]
    message = (cloud_event.data or {}).get("message") if isinstance(cloud_event.data, dict) else None
    if not isinstance(message, dict):
        raise Malformed("the CloudEvent holds no Pub/Sub message")
    attributes = message.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise Malformed("the message's attributes are not an object")
    try:
        data = base64.b64decode(message.get("data") or "", validate=True)
        body = json.loads(data) if data else {}
    except (binascii.Error, RecursionError, TypeError, ValueError) as error:
        raise Malformed(f"the message's data is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Malformed(f"the message's data is a JSON {type(body).__name__}, not an object")
    return Message(str(cloud_event["id"]), topic, body, attributes, published_at(cloud_event))


def published_at(cloud_event: CloudEvent) -> datetime:
    """Return when the message was published.

    Raises:
        Malformed: the CloudEvent does not say.
    """
    try:
        return datetime.fromisoformat(str(cloud_event["time"])).astimezone(UTC)
    except ValueError as error:
        raise Malformed(f"the CloudEvent's time is none: {error}") from error


def as_delivered(cloud_event: CloudEvent) -> dict[str, Any]:
    """Return the message as it came, so that nothing of it is lost."""
    data = cloud_event.data
    if isinstance(data, bytes):
        data = data.decode(errors="backslashreplace")
    return {"id": cloud_event["id"], "source": cloud_event["source"], "data": data}
