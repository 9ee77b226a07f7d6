"""Which run reads the export now: one at a time, so newer data wait and one following run reads them all.

`runs/current.json` holds the newest run that data-refreshed has opened. It is the claim: whoever opens a run replaces
it first, and only if nobody has replaced it since it was read. So of two refreshes at the same time, one opens a run
and the other joins it. A run that is not in it any more is superseded: it must not write what runs share.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import champion
from shared.chain import run_ids, source
from shared.chain.documents import ExportRun, Reading
from shared.chain.guarded import Guarded
from shared.chain.log_events import NothingChanged, RunWanted
from shared.chain.refreshes import Refresh, reasons
from shared.events import DataRefreshed, RunSuperseded
from shared.log import log

if TYPE_CHECKING:
    from shared.chain.environment import Environment, StepContext
    from shared.push import Message

PATH = "runs/current.json"
# A run that has just said that it goes on need not say it again.
HOLD_SECONDS = 60
# Of so many messages with a reason it is known that they came before.
MOST_MESSAGES = 100


class Overtaken(Exception):  # noqa: N818 - not a failure: the run ends, because run `by` reads newer data
    """A newer run reads the export by now."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


class Training(msgspec.Struct, frozen=True):
    """The last run that was opened to train, and when."""

    run_id: str
    at: datetime


class Current(msgspec.Struct, frozen=True):
    """The run that reads the export now, or did last; `held_at` is when it was last heard of."""

    run_id: str
    as_of: date
    reason: str
    reads: Reading
    opened_at: datetime
    held_at: datetime
    waiting: list[str] = []
    # The ids of the latest messages whose reasons were taken, since Pub/Sub may deliver them again.
    message_ids: list[str] = []
    trained: Training | None = None

    @property
    def event(self) -> DataRefreshed:
        """The event that opened the run."""
        return DataRefreshed(self.run_id, self.as_of, self.reason)

    @property
    def run(self) -> ExportRun:
        """What the run is opened with."""
        return ExportRun(opened_at=self.opened_at, event=self.event, **msgspec.structs.asdict(self.reads))


def join(announced: Refresh, message: Message, environment: Environment, now: datetime) -> DataRefreshed | None:
    """Return the event of the open run, or of a run that is opened on what the export holds now.

    While a run is open, newer data wait for its end. A reason is kept meanwhile and makes the following run train. None
    when there is nothing new.

    Raises:
        Forbidden: a right is missing that may have been granted since the message, or a quota is used up.
    """
    while True:
        found, generation = _claim(environment).read()
        is_again = found is not None and message.id in found.message_ids
        refresh = Refresh(announced.day) if is_again else announced
        if found:
            # Whoever claimed it may have died before the run was written down.
            environment.runs.open(found.run)
            if is_open(found, environment, now):
                if _wait(refresh, message, found, generation, environment):
                    return found.event
                continue
        reading = source.look(
            refresh.because(_unanswered(found, environment) if found else []),
            environment,
            now.date(),
            message.published_at,
        )
        run_id = run_ids.of_export(reading)
        while _is_superseded(run_id, environment):
            # It read nothing, and the run that superseded it may have failed or been reset.
            run_id = run_ids.of_export_again(reading, run_id)
        if environment.runs.is_opened(run_id):
            return DataRefreshed(run_id, reading.as_of, reading.reason)
        if found and _has_read(found, reading, environment):
            log(NothingChanged(found.run_id))
            return None
        opened = _opened(run_id, reading, _message_ids(found, refresh, message), found, environment, now)
        if _claim(environment).replace(opened, generation):
            environment.runs.open(opened.run)
            return opened.event


def is_open(current: Current, environment: Environment, now: datetime) -> bool:
    """Whether newer data wait for the run: it has not ended, not failed for good, and was heard of lately."""
    if _has_ended(current.run_id, environment) or _has_failed(current.run_id, environment):
        return False
    records = environment.runs.records(current.run_id)
    heard = max([current.held_at, *(record.finished_at for record in records)])
    return now - heard < timedelta(hours=environment.settings.open_hours)


def hold(run_id: str, environment: Environment, now: datetime) -> str | None:
    """Keep the run open, because it goes on; return the newer run that reads the export by now, or None.

    Once it is held, no other run is opened until it ends or stands still for hours.
    """
    while True:
        found, generation = _claim(environment).read()
        if found is None:
            return None
        if found.run_id != run_id:
            return found.run_id
        if now - found.held_at < timedelta(seconds=HOLD_SECONDS):
            return None
        if _claim(environment).replace(msgspec.structs.replace(found, held_at=now), generation):
            return None


def require(context: StepContext) -> None:
    """Hold the run before it writes what runs share.

    Another delivery of the run may have failed for good since this one began, and let another run be opened.

    Raises:
        Overtaken: a newer run reads the export by now.
    """
    if newer := hold(context.run_id, context.environment, context.now):
        raise Overtaken(newer)


def names(run_id: str | None, environment: Environment) -> bool:
    """Whether the claim is the run's, or anybody's without a run's id."""
    found, _ = _claim(environment).read()
    return found is not None and run_id in {None, found.run_id}


def forget(run_id: str | None, environment: Environment) -> None:
    """Remove the claim of a run that is reset, or anybody's without a run's id."""
    found, generation = _claim(environment).read()
    if found and run_id in {None, found.run_id}:
        _claim(environment).remove(generation)


def _wait(refresh: Refresh, message: Message, current: Current, generation: int, environment: Environment) -> bool:
    """Keep the reason for the following run; False if the claim was replaced meanwhile."""
    known = {*reasons(current.reason), *current.waiting}
    new = [reason for reason in reasons(refresh.reason) if reason not in known]
    if not new:
        return True
    log(RunWanted(current.run_id, refresh.reason))
    message_ids = _message_ids(current, refresh, message)
    waiting = msgspec.structs.replace(current, waiting=[*current.waiting, *new], message_ids=message_ids)
    return _claim(environment).replace(waiting, generation) is not None


def _message_ids(current: Current | None, refresh: Refresh, message: Message) -> list[str]:
    """Return the messages whose reasons were taken, this one's too."""
    before = current.message_ids if current else []
    return [*before, message.id][-MOST_MESSAGES:] if refresh.reason else before


def _unanswered(current: Current, environment: Environment) -> list[str]:
    """Return the reasons for which a run is still wanted: those that waited, and those of a run that stood still."""
    is_answered = _has_ended(current.run_id, environment) or _has_failed(current.run_id, environment)
    return [*([] if is_answered else reasons(current.reason)), *current.waiting]


def _opened(
    run_id: str,
    reading: Reading,
    message_ids: list[str],
    former: Current | None,
    environment: Environment,
    now: datetime,
) -> Current:
    last = former.trained if former else None
    trains = bool(reading.reason) or not _is_recent(last, environment, now)
    return Current(
        run_id,
        reading.as_of,
        reading.reason,
        msgspec.structs.replace(reading, trains=trains),
        opened_at=now,
        held_at=now,
        message_ids=message_ids,
        trained=Training(run_id, now) if trains else last,
    )


def _is_recent(last: Training | None, environment: Environment, now: datetime) -> bool:
    """Whether the last training is too young for another one, and its data can be scored meanwhile."""
    if last is None or now - last.at >= timedelta(hours=environment.settings.training.min_hours):
        return False
    has_trained = _has_ended(last.run_id, environment) and not _is_superseded(last.run_id, environment)
    return has_trained and bool(environment.bucket.blob(champion.POINTER).exists())


def _has_read(current: Current, reading: Reading, environment: Environment) -> bool:
    """Whether the last run has read the same data, for all the reasons that there are now."""
    read = current.reads
    answered = set(reasons(reading.reason)) <= set(reasons(read.reason))
    return (
        read.seen == reading.seen
        and answered
        and read.problem == reading.problem
        and not _has_failed(current.run_id, environment)
    )


def _has_ended(run_id: str, environment: Environment) -> bool:
    return any(record.event.is_last for record in environment.runs.records(run_id))


def _is_superseded(run_id: str, environment: Environment) -> bool:
    return any(isinstance(record.event, RunSuperseded) for record in environment.runs.records(run_id))


def _has_failed(run_id: str, environment: Environment) -> bool:
    return any(failure.is_permanent for failure in environment.runs.failures(run_id))


def _claim(environment: Environment) -> Guarded[Current]:
    return Guarded(PATH, Current, environment)
