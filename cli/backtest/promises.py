"""Compare a past model's promises with the later outcomes, and decide whether chance explains each difference."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from shared.chain.intervals import METRICS, Z

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.backtest.results import Judged
    from shared.chain.documents import Measured

COUNTS = ("buyers", "audience_buyers")

type Interval = tuple[float | None, float | None]


class Promise(Struct, frozen=True):
    """A promised quantity and its actual value (`came`), each with its 95 % interval. An actual count has no interval.

    `held` says whether chance explains the difference between the two; None if this is unknown.
    """

    promised: float
    promised_interval: Interval
    came: float
    came_interval: Interval | None
    held: bool | None


def of(judged: Judged) -> dict[str, Promise]:
    """Return a day's promises by name: the metrics, then the numbers of buyers.

    The result is empty if no model could be trained.
    """
    promised, came, audience = judged.promised, judged.came, judged.audience
    found = {metric: _metric(metric, promised, came) for metric in METRICS} if promised and came else {}
    counts = {name: one and _count(one, judged.buyers) for name, one in zip(COUNTS, (came, audience), strict=True)}
    return {name: promise for name, promise in (found | counts).items() if promise}


def held(days: Iterable[Judged]) -> dict[str, tuple[int, int]]:
    """Return, for each quantity, (number of promises that held, number of promises).

    A promise is left out if it is unknown whether it held.
    """
    kept: Counter[str] = Counter()
    made: Counter[str] = Counter()
    for judged in days:
        for name, promise in of(judged).items():
            if promise.held is not None:
                made[name] += 1
                kept[name] += promise.held
    return {name: (kept[name], made[name]) for name in (*METRICS, *COUNTS) if made[name]}


def is_explained(one: float, of_one: Interval, other: float, of_other: Interval) -> bool | None:
    """Return whether the 95 % interval of the difference of two independent estimates contains 0.

    None if a bound is unknown.

    The interval of the difference is computed from `of_one` and `of_other`, which need not be symmetric (Zou and Donner
    2008).
    """
    (lower, upper), (other_lower, other_upper) = of_one, of_other
    if lower is None or upper is None or other_lower is None or other_upper is None:
        return None
    if one > other:
        return one - other <= math.hypot(one - lower, other_upper - other)
    return other - one <= math.hypot(upper - one, other - other_lower)


def count_interval(expected: float, learnt_from: int) -> tuple[float, float]:
    """Return the range that contains, with 95 % probability, the number of buyers among the visitors of a prediction.

    Without buyers in training, the range is 0 to infinity.

    `expected` is the sum of these visitors' probabilities, `learnt_from` the number of buyers in training. The range
    covers two random effects. First, the number of buyers among these visitors is a Poisson variable, as a sum of many
    rare events (Le Cam 1960). Second, the number of buyers in training is random, and scales all probabilities. The
    skewness term is that of Cornish and Fisher (1938).
    """
    if not learnt_from:
        return 0.0, math.inf
    skewness_term = (Z**2 - 1) / 6
    spread = Z * math.sqrt(expected + expected**2 / learnt_from)
    return max(expected + skewness_term - spread, 0.0), expected + skewness_term + spread


def _metric(metric: str, promised: Measured, came: Measured) -> Promise | None:
    one, other = getattr(promised, metric), getattr(came, metric)
    if one is None or other is None:
        return None
    unknown: Interval = (None, None)
    of_one, of_other = promised.intervals.get(metric, unknown), came.intervals.get(metric, unknown)
    return Promise(one, of_one, other, of_other, is_explained(one, of_one, other, of_other))


def _count(came: Measured, learnt_from: int) -> Promise | None:
    expected = came.expected_positives
    if expected is None:
        return None
    lower, upper = count_interval(expected, learnt_from)
    return Promise(expected, (lower, upper), came.positives, None, lower <= came.positives <= upper)


def document(days: list[Judged]) -> dict[str, Any]:
    """Return the result of a backtest as a JSON object, for `--json`."""
    return {
        "days": [
            {
                "day": judged.day,
                "run_id": judged.run_id,
                "winner": judged.winner or None,
                "approved": judged.passes,
                "reasons": judged.reasons,
                "visitors": {
                    name: measured and measured.visitors
                    for name, measured in (
                        ("promised", judged.promised),
                        ("came", judged.came),
                        ("audience", judged.audience),
                    )
                },
                "promises": of(judged),
            }
            for judged in days
        ],
        "held": {name: {"held": kept, "of": made} for name, (kept, made) in held(days).items()},
    }
