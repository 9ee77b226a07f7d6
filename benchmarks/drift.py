"""Measure how often shared/chain/drift.py raises a false alarm, and how soon it finds a planted shift.

The visitors are generated as for `propensity demo`, without any drift. docs/drift.md shows the results.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.measure import Row, say
from demo import clickstream
from demo.rows import ACTIONS, IS_EVENT
from demo.visitors import CHANNELS, DEVICES, ORDINARY, PLACES, arrivals
from shared.chain.drift import Limits, Shift, judge

SEEDS = 200
FIRST_DAY = dt.date(2017, 3, 6)
WEEK = 7
BASE_DAYS = 4 * WEEK
DAYS = BASE_DAYS + 4 * WEEK
# The day on which a planted shift begins. It is a Monday, one week after the base period ends.
PLANTED_ON = BASE_DAYS + WEEK
# Size of a planted shift: twice the smallest difference that matters.
PLANTED = 2 * Limits().min_difference
ANY_SIZE = Limits(min_difference=0)
BINS = 10

type Array = np.ndarray

_STEPS = np.array([int(action) if action in "12356" else 0 for action in ACTIONS])
_LABELS = {
    "source": ("channel", [one.source for one in CHANNELS]),
    "medium": ("channel", [one.medium for one in CHANNELS]),
    "channel": ("channel", [one.grouping for one in CHANNELS]),
    "device": ("device", [one.category for one in DEVICES]),
    "country": ("place", [one.country for one in PLACES]),
}


@dataclass(frozen=True)
class World:
    """How simulated visitors arrive.

    sessions: number of sessions per day
    within_days: number of days within which a planted shift must be found
    varies: largest share of a channel's visitors that can be missing on a day, 0 to 1; each day's share is random
    counts_sessions: whether each session counts as a separate visitor
    """

    name: str
    sessions: int = 1000
    within_days: int = 7
    varies: float = 0.0
    counts_sessions: bool = False


PLAIN = World("1,000 sessions a day")
SMALL = World("150 sessions a day", sessions=150, within_days=14)
VARYING = World("1,000 a day, of a channel half to all", varies=0.5)
SESSIONS = World("1,000 sessions a day, each counts", counts_sessions=True)


@dataclass(frozen=True)
class Table:
    """The values of one feature. `counts` is the number of visitors by day (row) and cell (column).

    A categorical feature has one cell per value. A numeric feature has bins in ascending order.
    """

    feature: str
    is_number: bool
    counts: Array


def measure(_: bool) -> list[Row]:
    """Measure the share of days with a false alarm, and after how many days the shift of each feature is found."""
    alarms = [row for world in (PLAIN, SMALL, VARYING, SESSIONS) for row in _alarms(world)]
    return [*alarms, *_found(PLAIN), _slowest(_found(SMALL))]


def _alarms(world: World) -> list[Row]:
    days = 0
    alarms = dict.fromkeys(("by the rule", "by its test alone", "by a plain chi-square test alone"), 0)
    for seed in range(SEEDS):
        tables = simulate(seed, world)
        for last in range(BASE_DAYS + WEEK - 1, DAYS):
            shifts = [shift(table, range(BASE_DAYS), _week(last)) for table in tables]
            days += 1
            alarms["by the rule"] += _is_alarm(shifts)
            alarms["by its test alone"] += _is_alarm(shifts, ANY_SIZE)
            alarms["by a plain chi-square test alone"] += _is_alarm(map(_by_chance_alone, shifts), ANY_SIZE)
        _progress(world, seed)
    return [
        Row(
            f"days with an alarm without drift, {how}, {world.name}",
            100 * count / days,
            "%",
            floor=100 * Limits().false_alarms,
            bound=1 if how == "by the rule" and not world.counts_sessions else None,
        )
        for how, count in alarms.items()
    ]


def _found(world: World) -> list[Row]:
    waited: dict[str, list[int]] = {}
    for seed in range(SEEDS):
        tables = simulate(seed, world)
        random = np.random.default_rng(seed)
        ends = range(PLANTED_ON, DAYS)
        others = {last: [shift(table, range(BASE_DAYS), _week(last)) for table in tables] for last in ends}
        for number, table in enumerate(tables):
            planted = plant(table, random)
            waited.setdefault(table.feature, []).append(_days_until_found(number, planted, others))
        _progress(world, seed)
    return [
        Row(
            f"days until a shift of {PLANTED:.0%} in {feature} is found, 95 % of {SEEDS}, {world.name}",
            float(np.percentile(days, 95, method="higher")),
            "days",
            floor=world.within_days,
            bound=1,
        )
        for feature, days in waited.items()
    ]


def _days_until_found(number: int, planted: Table, others: dict[int, list[Shift]]) -> int:
    for last, shifts in others.items():
        mine = shift(planted, range(BASE_DAYS), _week(last))
        found = judge([*shifts[:number], mine, *shifts[number + 1 :]])
        if any(one.has_drifted and one.shift is mine for one in found):
            return last - PLANTED_ON + 1
    return DAYS


def _slowest(rows: list[Row]) -> Row:
    return max(rows, key=lambda row: row.measured)


def _week(last: int) -> range:
    return range(last - WEEK + 1, last + 1)


def _is_alarm(shifts: Iterable[Shift], limits: Limits | None = None) -> bool:
    return any(one.has_drifted for one in judge(shifts, limits))


def _by_chance_alone(one: Shift) -> Shift:
    return dataclasses.replace(one, base_chi_square=float(one.base_degrees))


def _progress(world: World, seed: int) -> None:
    if (seed + 1) % 50 == 0:
        say(f"{world.name}: {seed + 1} of {SEEDS} seeds")


def plant(table: Table, random: np.random.Generator) -> Table:
    """Plant a shift: move visitors into the last bin or the rarest category, until the difference is `PLANTED`."""
    counts = table.counts.copy()
    base = counts[:BASE_DAYS].sum(axis=0)
    target = len(base) - 1 if table.is_number else int(base.argmin())
    moved = random.binomial(counts[PLANTED_ON:], PLANTED / (1 - base[target] / base.sum()))
    counts[PLANTED_ON:] -= moved
    counts[PLANTED_ON:, target] += moved.sum(axis=1)
    return dataclasses.replace(table, counts=counts)


def simulate(seed: int, world: World) -> list[Table]:
    """Simulate the visitors of a world. Return one table per feature, which counts the visitors' first visits."""
    random = np.random.default_rng(seed)
    visits = np.concatenate([one for _, one in arrivals(random, FIRST_DAY, DAYS, world.sessions * DAYS)])
    visits = visits[visits["kind"] == ORDINARY]
    if not world.counts_sessions:
        visits = visits[visits["number"] == 1]
    if world.varies:
        kept = random.uniform(1 - world.varies, 1, (DAYS, len(CHANNELS)))
        visits = visits[random.random(len(visits)) < kept[visits["day"], visits["channel"]]]
    return list(tables(visits["day"], features(random, visits)))


def features(random: np.random.Generator, visits: Array) -> dict[str, Array]:
    """Compute features as sql/features/visitor_features.sql does. Each feature has one value per visit."""
    sessions = clickstream.act(random, visits)
    hits, items = sessions.hits, sessions.items
    count = np.bincount(hits["visit"], minlength=len(visits))
    step = np.zeros(len(visits), np.int64)
    np.maximum.at(step, hits["visit"], _STEPS[hits["kind"]])

    def products(kind: int) -> Array:
        of = hits["kind"][items["hit"]] == kind
        pairs = np.unique(np.stack([hits["visit"][items["hit"][of]], items["product"][of]]), axis=1)
        return np.bincount(pairs[0], minlength=len(visits))

    return {
        "bounces": (count == 1).astype(np.int64),
        "time_on_site": hits["time"][np.cumsum(count) - 1] // 1000,
        "pageviews": np.bincount(hits["visit"][~IS_EVENT[hits["kind"]]], minlength=len(visits)),
        "hits": count,
        "furthest_step": step,
        "products_viewed": products(clickstream.DETAIL),
        "products_added": products(clickstream.ADD),
        "hour": visits["second"] // 3600,
        "score": _score(hits["time"][np.cumsum(count) - 1] / 1000, step, count),
        **{name: np.array(labels)[visits[column]] for name, (column, labels) in _LABELS.items()},
    }


def _score(seconds: Array, step: Array, hits: Array) -> Array:
    """Return a score for each visit: a weighted sum of three features, like the log odds of a logistic regression."""
    return np.round(0.002 * seconds + 0.4 * step + 0.05 * hits, 6)


def tables(day: Array, values: dict[str, Array], base_days: int = BASE_DAYS) -> Iterator[Table]:
    """Count the visits of each day in each cell.

    The bins of a numeric feature are chosen so that all bins hold about equally many visits of the first `base_days`
    days.
    """
    for feature, column in values.items():
        is_number = feature not in _LABELS
        cells = _bins(column, column[day < base_days]) if is_number else np.unique(column, return_inverse=True)[1]
        counts = np.zeros((day.max() + 1, cells.max() + 1), np.int64)
        np.add.at(counts, (day, cells), 1)
        yield Table(feature, is_number, counts)


def _bins(column: Array, base: Array) -> Array:
    distinct, times = np.unique(base, return_counts=True)
    numbers = BINS * (np.cumsum(times) - times) // len(base)
    edges = distinct[np.unique(numbers, return_index=True)[1]]
    return np.searchsorted(edges[1:], column, side="right")


def shift(table: Table, base_days: range, days: range) -> Shift:
    """Compute a feature's row as sql/monitoring/feature_shift.sql does, but leave `mean_difference` None."""
    earlier, later = (table.counts[part.start : part.stop].sum(axis=0) for part in (base_days, days))
    p, q = earlier / earlier.sum(), later / later.sum()
    gaps = np.abs(np.cumsum(q - p) if table.is_number else q - p)
    tested = _tested(table.counts, earlier, later)
    periods = np.stack([tested[part.start : part.stop].sum(axis=0) for part in (base_days, days)])
    chi_square, degrees = homogeneity(periods)
    base = [homogeneity(tested[base_days.start + weekday : base_days.stop : WEEK]) for weekday in range(WEEK)]
    return Shift(
        feature=table.feature,
        base_visitors=int(earlier.sum()),
        visitors=int(later.sum()),
        difference=float(gaps.max()),
        jensen_shannon=_divergence(p, q),
        mean_difference=None,
        chi_square=chi_square,
        degrees=degrees,
        base_chi_square=sum(one for one, _ in base),
        base_degrees=sum(one for _, one in base),
    )


def _divergence(p: Array, q: Array) -> float:
    return sum(float((one[one > 0] * np.log2(2 * one[one > 0] / (p + q)[one > 0])).sum()) for one in (p, q)) / 2


def _tested(counts: Array, earlier: Array, later: Array) -> Array:
    """Merge the cells in which fewer than five visitors are expected in the smaller period, and return the counts."""

    def expected(visitors: Array) -> Array:
        return visitors * min(earlier.sum(), later.sum()) / (earlier.sum() + later.sum())

    is_frequent = expected(earlier + later) >= 5
    rare = ~is_frequent
    kept = counts[:, is_frequent]
    if expected((earlier + later)[rare].sum()) < 5:
        return kept
    return np.column_stack([kept, counts[:, rare].sum(axis=1)])


def homogeneity(counts: Array) -> tuple[float, int]:
    """Test by chi-square whether all rows have the same shares of cells. Return chi-square and degrees of freedom."""
    counts = counts[:, counts.any(axis=0)][counts.any(axis=1)]
    if not counts.size:
        return 0.0, 0
    of_row, of_cell = counts.sum(axis=1, keepdims=True), counts.sum(axis=0)
    statistic = counts.sum() * ((counts**2 / of_row / of_cell).sum() - 1)
    return float(statistic), (counts.shape[0] - 1) * (counts.shape[1] - 1)
