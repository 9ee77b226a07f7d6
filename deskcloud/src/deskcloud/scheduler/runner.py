"""Run a thread that publishes the message of each schedule when the schedule is due."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.pubsub_v1.types import PubsubMessage

from deskcloud import jsontext
from deskcloud.pubsub.client import Publish
from deskcloud.scheduler.cron import Cron, CronError, parse

_log = logging.getLogger(__name__)

_LONGEST_WAIT = 60.0
"""Maximum wait of the thread, in seconds. If the machine has slept, the thread finds due schedules within this time."""

type Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule: when `cron` matches the time in `time_zone`, `body` is published to `topic` as JSON.

    `topic` has the form projects/P/topics/T.
    """

    name: str
    cron: str
    time_zone: str
    topic: str
    body: dict[str, Any]


class ScheduleError(ValueError):
    """A schedule's declaration is invalid, or no schedule has that name."""


@dataclass(slots=True)
class _Planned:
    schedule: Schedule
    cron: Cron
    zone: ZoneInfo
    due: datetime

    def plan(self, now: datetime) -> None:
        self.due = self.cron.next_after(now, self.zone)


class Scheduler:
    """The running schedules.

    Times before the start are skipped. If a schedule was due several times while the machine slept, its message is
    published once.
    """

    def __init__(self, schedules: Iterable[Schedule], publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        now = clock()
        self._planned = {schedule.name: _planned(schedule, now) for schedule in schedules}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def trigger(self, name: str) -> None:
        """Publish a schedule's message now. The schedule's next time does not change.

        Raises:
            ScheduleError: no schedule has that name.
            google.api_core.exceptions.GoogleAPICallError: Pub/Sub refuses the message.
        """
        if name not in self._planned:
            known = ", ".join(sorted(self._planned)) or "none"
            raise ScheduleError(f"there is no schedule {name!r}; the schedules are: {known}")
        self._send(self._planned[name].schedule)

    def start(self) -> None:
        """Start the thread. Scheduled times that have already passed are skipped."""
        now = self._clock()
        for planned in self._planned.values():
            planned.plan(now)
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing and wait until the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._until_next()):
            now = self._clock()
            for planned in self._planned.values():
                if planned.due <= now:
                    planned.plan(now)
                    self._attempt(planned.schedule)

    def _until_next(self) -> float:
        if not self._planned:
            return _LONGEST_WAIT
        first = min(planned.due for planned in self._planned.values())
        return min(max((first - self._clock()).total_seconds(), 0.0), _LONGEST_WAIT)

    def _attempt(self, schedule: Schedule) -> None:
        try:
            self._send(schedule)
        except Exception:  # noqa: BLE001 one schedule's failure must not stop the other schedules
            _log.exception("the schedule %s could not publish to %s", schedule.name, schedule.topic)

    def _send(self, schedule: Schedule) -> None:
        self._publish(schedule.topic, [PubsubMessage(data=jsontext.encode(schedule.body))])


def _planned(schedule: Schedule, now: datetime) -> _Planned:
    try:
        cron, zone = parse(schedule.cron), ZoneInfo(schedule.time_zone)
        return _Planned(schedule, cron, zone, cron.next_after(now, zone))
    except CronError as error:
        raise ScheduleError(f"the schedule {schedule.name} has an invalid cron expression: {error}") from error
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScheduleError(
            f"the schedule {schedule.name} has the time zone {schedule.time_zone!r}, which is unknown; write one of "
            "the tz database, such as Europe/Berlin or UTC"
        ) from error


@contextlib.contextmanager
def run(
    schedules: Iterable[Schedule],
    publish: Publish,
    clock: Clock = lambda: datetime.now(UTC),
    *,
    is_held: bool = False,
) -> Iterator[Scheduler]:
    """Yield a scheduler, which publishes while the context is open. If `is_held`, the caller must call `start`.

    The scheduler calls `publish` from its own thread.

    Raises:
        ScheduleError: a cron expression or time zone is invalid.
    """
    scheduler = Scheduler(schedules, publish, clock)
    if not is_held:
        scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()
