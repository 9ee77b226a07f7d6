"""Unix cron expressions, as Cloud Scheduler takes them.

Five fields: minute, hour, day of the month, month, day of the week. Each is `*`, a number, a range `a-b`, a step
`*/n` or `a-b/n`, or a list of these with commas. Months and weekdays may be names (JAN, sun); Sunday is 0 and 7. When
both days are restricted, either is enough.

The library cronsim 2.8 runs a skipped 02:30 at 03:00, a repeated one once, and takes L, W, # and a sixth field.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")

_HORIZON = timedelta(days=8 * 366)
"""The longest time between two days that cron can name: 29 February over a century without a leap year."""


class CronError(ValueError):
    """The expression is not a cron expression, or names a day that never comes."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """The value of a number or name. Raises CronError."""
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if text.isdecimal() and self.low <= int(text) <= self.high:
            return int(text)
        names = f", or {self.names[0]} to {self.names[-1]}" if self.names else ""
        raise CronError(f"{self.name}: {text!r} is not a number from {self.low} to {self.high}{names}")

    def values(self, text: str) -> frozenset[int]:
        """All values that the field's text names. Raises CronError."""
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, text: str) -> range:
        match = _PART.fullmatch(text)
        if match is None:
            raise CronError(f"{self.name}: {text!r} is not *, a number, a range a-b or a step */n or a-b/n")
        star, first, last, step = match.groups()
        if step and not (star or last):
            raise CronError(f"{self.name}: {text!r} has a step without a range; write {first}-{self.high}/{step}")
        if step and int(step) == 0:
            raise CronError(f"{self.name}: {text!r} has a step of zero")
        low = self.low if star else self.number(first)
        high = self.high if star else self.number(last or first)
        if low > high:
            raise CronError(f"{self.name}: the range {text!r} runs backwards; split it in two, with a comma")
        return range(low, high + 1, int(step or 1))


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression: the values allowed in each field."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    either_day: bool
    """Both days are restricted, so that one of them is enough."""

    def matches(self, wall: datetime) -> bool:
        """Whether the minute on a clock is one of those named."""
        return self._matches_day(wall) and wall.hour in self.hours and wall.minute in self.minutes

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime:
        """The first full minute after `moment` at which a clock in `zone` shows a time named, in UTC.

        When clocks are set forward the times left out do not come; set back, the times repeated come twice.

        Raises:
            CronError: the expression names no day of any year.
        """
        candidate = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = candidate + _HORIZON
        while candidate < end:
            wall = candidate.astimezone(zone)
            if self.matches(wall):
                return candidate
            if not self._matches_day(wall):
                tomorrow = wall.date() + timedelta(days=1)
                candidate = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)
            elif wall.hour not in self.hours:
                candidate += timedelta(minutes=60 - wall.minute)
            else:
                candidate += timedelta(minutes=1)
        raise CronError("the expression names a day that never comes, such as 30 February")

    def _matches_day(self, wall: datetime) -> bool:
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return wall.month in self.months and (day or weekday if self.either_day else day and weekday)


def parse(expression: str) -> Cron:
    """Raises CronError, which names the field."""
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise CronError(
            f"{expression!r} has {len(texts)} fields; write five: minute, hour, day of the month, month and day of the "
            "week"
        )
    try:
        minutes, hours, days, months, weekdays = (
            field.values(text) for field, text in zip(_FIELDS, texts, strict=True)
        )
    except CronError as error:
        raise CronError(f"{expression!r}: {error}") from error
    either_day = not texts[2].startswith("*") and not texts[4].startswith("*")
    return Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either_day)
