"""Decide whether a refresh opens a run, joins the open run or waits, and whether the new run trains.

One run reads the export at a time. While this run is open, newer data wait. One following run then reads all of them.

`runs/current.json`, the claim, names the newest run that data-refreshed has opened. To open a run, a process first
reads the claim and then replaces it. The bucket refuses this if another process has replaced the claim in between. So
of two simultaneous refreshes, one opens a run, and the other joins this run. A run that has lost the claim is
superseded: it must not write to tables and documents that several runs share.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared import champion
from shared.chain import run_ids, source
from shared.chain.guarded import Guarded
from shared.chain.log_events import NothingChanged, RunWanted
from shared.chain.opened_runs import ExportRun, Reading
from shared.chain.refreshes import Refresh, reasons
from shared.events import DataRefreshed, RunSuperseded
from shared.log import log

if TYPE_CHECKING:
    from shared.chain.environment import Environment, StepContext
    from shared.push import Message

PATH = "runs/current.json"
# Minimum seconds between two updates of `held_at`.
HOLD_SECONDS = 60
# Number of message ids that the claim remembers, to recognize repeated deliveries.
MOST_MESSAGES = 100


class Overtaken(Exception):  # noqa: N818 - not an error: the run ends as superseded
    """A run must stop, because the newer run `by` holds the claim now."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


class Training(msgspec.Struct, frozen=True):
    """The last run that was opened to train, and when it was opened."""

    run_id: str
    at: datetime


class Current(msgspec.Struct, frozen=True):
    """The claim: the newest run on the export, whether it is open or has ended.

    `reads` is the state of the export that the run reads. `held_at` is when the run last renewed the claim. `waiting`
    holds the reasons for which a following run is wanted.
    """

    run_id: str
    as_of: date
    reason: str
    reads: Reading
    opened_at: datetime
    held_at: datetime
    waiting: list[str] = []
    # Ids of the latest messages with a reason. If Pub/Sub delivers one of them again, its reason is not stored again.
    message_ids: list[str] = []
    trained: Training | None = None
    # The previous run that was opened to train, i.e. the last before run `run_id`.
    after: str | None = None

    @property
    def event(self) -> DataRefreshed:
        """The event that opened the run."""
        return DataRefreshed(self.run_id, self.as_of, self.reason)

    @property
    def run(self) -> ExportRun:
        """The document that opens the run, run.json."""
        reads = msgspec.structs.asdict(self.reads)
        return ExportRun(opened_at=self.opened_at, event=self.event, after=self.after, **reads)


def join(announced: Refresh, message: Message, environment: Environment, now: datetime) -> DataRefreshed | None:
    """Return the event of the open run, or of a new run on the export's current state; None if nothing is new.

    While a run is open, newer data wait for the end of this run. If the refresh has a reason then, the reason is
    stored, and the following run trains.

    Raises:
        Forbidden: a right is missing, or a quota is used up; a retry may help.
    """
    while True:
        found, generation = _claim(environment).read()
        is_again = found is not None and message.id in found.message_ids
        refresh = Refresh(announced.day) if is_again else announced
        if found:
            # Write run.json if it is missing: the process that replaced the claim may have died before it wrote
            # run.json.
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
            # A superseded run does not continue. If the run that superseded it has failed, no run has read the data to
            # the end. So open another run on the same data.
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
    """Return whether the run has neither ended nor failed for good, and was active within the last `open_hours`."""
    if _has_ended(current.run_id, environment) or _has_failed(current.run_id, environment):
        return False
    records = environment.runs.records(current.run_id)
    heard = max([current.held_at, *(record.finished_at for record in records)])
    return now - heard < timedelta(hours=environment.settings.open_hours)


def hold(run_id: str, environment: Environment, now: datetime) -> str | None:
    """Renew the run's claim and return None. If a newer run holds the claim, return the newer run's id.

    The claim is not renewed if a reset has deleted it, or if the last renewal is less than HOLD_SECONDS old. After a
    renewal, no other run is opened until this run ends, fails for good or shows no activity for `open_hours`.
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
    """Renew the run's claim. Call this before writing to tables that runs share.

    A newer run may have been opened since this delivery began. For example, another delivery of the same step may have
    failed for good.

    Raises:
        Overtaken: a newer run holds the claim.
    """
    if newer := hold(context.run_id, context.environment, context.now):
        raise Overtaken(newer)


def newest_day(environment: Environment) -> date | None:
    """Return the newest day of the export that the run with the claim reads; None if there is no claim yet."""
    found, _ = _claim(environment).read()
    return found.as_of if found else None


def last_training(environment: Environment) -> Training | None:
    """Return the last run that was opened to train; None if there is none yet."""
    found, _ = _claim(environment).read()
    return found.trained if found else None


def names(run_id: str | None, environment: Environment) -> bool:
    """Return whether the run holds the claim. If `run_id` is None, return whether any run holds it."""
    found, _ = _claim(environment).read()
    return found is not None and run_id in {None, found.run_id}


def forget(run_id: str | None, environment: Environment) -> None:
    """Delete the claim if the run holds it. If `run_id` is None, delete the claim in any case."""
    found, generation = _claim(environment).read()
    if found and run_id in {None, found.run_id}:
        _claim(environment).remove(generation)


def _wait(refresh: Refresh, message: Message, current: Current, generation: int, environment: Environment) -> bool:
    """Store the reasons of `refresh` for the following run; return False if another process replaced the claim.

    A reason is not stored again if the open run was opened for this reason, or if the reason is stored already.
    """
    known = {*reasons(current.reason), *current.waiting}
    new = [reason for reason in reasons(refresh.reason) if reason not in known]
    if not new:
        return True
    log(RunWanted(current.run_id, refresh.reason))
    message_ids = _message_ids(current, refresh, message)
    waiting = msgspec.structs.replace(current, waiting=[*current.waiting, *new], message_ids=message_ids)
    return _claim(environment).replace(waiting, generation) is not None


def _message_ids(current: Current | None, refresh: Refresh, message: Message) -> list[str]:
    """Return the ids of the latest messages with a reason, including `message` if `refresh` has a reason."""
    before = current.message_ids if current else []
    return [*before, message.id][-MOST_MESSAGES:] if refresh.reason else before


def _unanswered(current: Current, environment: Environment) -> list[str]:
    """Return the reasons for which a run is still wanted: all waiting reasons, and those of an unfinished run.

    The run with the claim is unfinished if it has neither ended nor failed for good.
    """
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
        after=last.run_id if last and last.run_id != run_id else None,
    )


def _is_recent(last: Training | None, environment: Environment, now: datetime) -> bool:
    """Return whether the last training is recent and there is a champion. Then a new run does not train.

    The last training is recent if its run was opened less than `training.min_hours` ago, has ended, and was not
    superseded.
    """
    if last is None or now - last.at >= timedelta(hours=environment.settings.training.min_hours):
        return False
    has_trained = _has_ended(last.run_id, environment) and not _is_superseded(last.run_id, environment)
    return has_trained and bool(environment.bucket.blob(champion.POINTER).exists())


def _has_read(current: Current, reading: Reading, environment: Environment) -> bool:
    """Return whether run `current` reads the data and has all the reasons of `reading`, and has not failed for good."""
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
