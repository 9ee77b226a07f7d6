"""Unix cron expressions in Cloud Scheduler's syntax.

The five fields are minute, hour, day of the month, month and day of the week. A field is `*`, a number, a range `a-b`,
a step `*/n` or `a-b/n`, or a comma-separated list of these. Months and weekdays may be names (JAN, sun). Sunday is 0 or
7. If neither day field begins with `*`, a day needs to match only one of the two day fields.

The library cronsim 2.8 is not used, because it differs from Cloud Scheduler. When the clocks change, it moves a skipped
02:30 to 03:00, and runs a repeated 02:30 only once. It also accepts L, W, # and a sixth field.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")

_HORIZON = timedelta(days=8 * 366)
"""The longest time between two matching days. For example, 29 February 1896 and 1904 match, but not 1900."""


class CronError(ValueError):
    """The cron expression is invalid, or names a day that never occurs."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """Return the number that `text` (a number or a name) means. Raises CronError for any other text."""
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if text.isdecimal() and self.low <= int(text) <= self.high:
            return int(text)
        names = f", or {self.names[0]} to {self.names[-1]}" if self.names else ""
        raise CronError(f"{self.name}: {text!r} is not a number from {self.low} to {self.high}{names}")

    def values(self, text: str) -> frozenset[int]:
        """Return all numbers that the text of this field allows. Raises CronError if the text is invalid."""
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
    """A parsed cron expression, with the allowed values of each field."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Weekdays from 0 to 6. Sunday is 0."""
    either_day: bool
    """Whether a day needs to match only one of `days` and `weekdays`."""

    def matches(self, wall: datetime) -> bool:
        """Return whether the expression matches the minute of the local time `wall`."""
        return self._matches_day(wall) and wall.hour in self.hours and wall.minute in self.minutes

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime:
        """Return the first full minute after `moment` whose local time in `zone` matches. The result is in UTC.

        When the clocks are set forward, skipped times do not match. When the clocks are set back, repeated times match
        twice.

        Raises:
            CronError: the expression names a day that never occurs.
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
        raise CronError("the expression names a day that never occurs, such as 30 February")

    def _matches_day(self, wall: datetime) -> bool:
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return wall.month in self.months and (day or weekday if self.either_day else day and weekday)


def parse(expression: str) -> Cron:
    """Parse an expression. Raises CronError, which names the field, if the expression is invalid."""
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
