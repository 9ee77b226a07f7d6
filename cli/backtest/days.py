"""Choose the past days of a backtest, and check that the history is long enough for these days."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from datetime import date

    from shared.chain.environment import Environment

# Minimum number of days with a known outcome: one day for each of train, evaluation and test.
LEAST_DAYS = 3


def choose(environment: Environment, count: int, every: int, until: date | None) -> list[date]:
    """Return `count` past days, `every` days apart, the oldest first.

    The newest day is `until` or, if `until` is None, the latest possible day.

    Raises:
        UsageError: the label's horizon after `until` is not over yet.
        CommandError: the sessions do not go back far enough; the message says which days are needed and how many fit.
    """
    [span] = environment.query("backtest/span")
    first, last = span["first_day"], span["last_day"]
    horizon = timedelta(days=environment.settings.label_days)
    if first is None:
        raise CommandError("there are no sessions yet: a backtest needs those that a run of the chain has read")
    newest = until or last - horizon
    if newest > last - horizon:
        raise UsageError(
            f"--until {newest}: its horizon of {horizon.days} days is not over, because the sessions end on {last}; "
            f"{last - horizon} is the latest possible day"
        )
    # The oldest day on which a model could be trained.
    earliest = first + horizon + timedelta(days=LEAST_DAYS - 1)
    fitting = (newest - earliest).days // every + 1
    if fitting < 1:
        raise CommandError(
            f"there is too little history: a backtest needs sessions from {first} until {earliest + horizon} at least "
            f"({LEAST_DAYS} days to learn from, and the horizon of {horizon.days} days before and after the past day), "
            f"and they end on {last if until is None else f'{until + horizon} for --until {until}'}"
        )
    oldest = newest - (count - 1) * timedelta(days=every)
    if count > fitting:
        needed = oldest - (earliest - first)
        raise CommandError(
            f"there is too little history: {count} days, {every} apart, need sessions from {needed} until "
            f"{newest + horizon}, and they begin on {first}; --days {fitting} is the most with --every {every}"
        )
    return [oldest + number * timedelta(days=every) for number in range(count)]
