"""Test the rules of docs/measuring.md on simulated campaigns whose true effects are known."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from benchmarks.measure import Row, say
from shared.campaign import anytime, ratios
from shared.campaign.effects import Interval, Sums, effect
from shared.campaign.planning import Plan
from shared.campaign.uplift import Stratum, qini
from shared.chain.intervals import Z

SEED = 20261128
# For each shop, this number of campaigns with an effect is simulated, and the same number without an effect.
RUNS = 1000
DAYS = 30
RELATIVE = 0.2
# The covariate is a customer's revenue in this many days before the assignment.
DAYS_BEFORE = 180
# Mean amount of an order, the margin as a share of the amount, and the cost per order. The smallest orders lose money.
AMOUNT, MARGIN, COST = 50.0, 0.35, 8.0

type Array = np.ndarray


@dataclass(frozen=True)
class Shop:
    """How a campaign assigns customers, and how they buy.

    The order rate varies between customers by a gamma distribution with shape `shape`. With a smaller shape, fewer
    customers make most orders. Amounts are lognormal with `sigma`. If `grows` is set, 70 % of the customers are
    assigned on random days. All other customers are assigned on the first day. At most `allowed` percent of the
    intervals for one look may miss the true effect.
    """

    name: str
    customers: int
    control_share: float
    conversion: float
    sigma: float = 1.0
    shape: float = 0.3
    grows: bool = False
    allowed: float = 7

    @property
    def scale(self) -> float:
        """The scale of the order rates' gamma distribution, in orders per 30 days."""
        return float((1 - self.conversion) ** (-1 / self.shape) - 1)

    def expected(self, days: Array, relative: float) -> dict[str, Array]:
        """Return the expected value of each outcome for a customer, `days` days after the assignment."""
        orders = self.shape * self.scale * (1 + relative) * days / DAYS
        return {
            "conversion": 1 - (1 + orders / self.shape) ** -self.shape,
            "revenue": AMOUNT * orders,
            "profit": (MARGIN * AMOUNT - COST) * orders,
        }


SHOPS = (
    Shop("20,000 customers, 3 % buy", 20_000, 0.1, 0.03),
    Shop("30,000, assigned over 30 days, 5 % buy", 30_000, 0.1, 0.05, grows=True),
    Shop("20,000, control 50 %, 2 % buy", 20_000, 0.5, 0.02),
    Shop("50,000, 3 % buy, very different amounts", 50_000, 0.1, 0.03, sigma=1.2, allowed=8),
    Shop("20,000, 4 % buy, often the same", 20_000, 0.1, 0.04, shape=0.05),
)
# A campaign with ten expected buyers in the control group.
SMALL = Shop("5,000, 2 % buy", 5_000, 0.1, 0.02)


@dataclass(frozen=True)
class Look:
    """One look at an outcome: the sums in each arm so far, and the true mean outcomes in each arm so far."""

    treated: Sums
    control: Sums
    mean: float
    control_mean: float

    @property
    def truth(self) -> float:
        """The true effect: the difference of the true means."""
        return self.mean - self.control_mean


def measure(_: bool) -> list[Row]:
    """Measure how often intervals miss the true effect, at one look and at all looks.

    Also measure the gain by CUPED, the power of plans, the check of the arms' sizes, and the Qini curve's intervals.
    """
    rows = [
        row
        for number, shop in enumerate((*SHOPS, SMALL))
        for row in _misses(shop, np.random.default_rng([SEED, number]))
    ]
    random = np.random.default_rng(SEED)
    return [*rows, *_planned(random), *_sizes(random), _qini_misses(random)]


def campaign(shop: Shop, relative: float, random: np.random.Generator) -> dict[str, list[Look]]:
    """Simulate a campaign with the relative effect `relative`. Return one look per day for each outcome."""
    count = shop.customers
    is_control = random.random(count) < shop.control_share
    started = random.integers(0, DAYS, count) * (random.random(count) < 0.7 * shop.grows)
    rates = random.gamma(shop.shape, shop.scale, count)
    former = np.repeat(np.arange(count), random.poisson(rates * DAYS_BEFORE / DAYS))
    spent = np.bincount(former, _amounts(len(former), shop, random), count)
    orders = random.poisson(rates * (DAYS - started) / DAYS * np.where(is_control, 1, 1 + relative))
    who = np.repeat(np.arange(count), orders)
    day = (started[who] + random.random(len(who)) * (DAYS - started[who])).astype(int)
    buyers, places = np.unique(who, return_inverse=True)
    number, revenue = np.zeros((2, len(buyers), DAYS))
    np.add.at(number, (places, day), 1)
    np.add.at(revenue, (places, day), _amounts(len(who), shop, random))
    number, revenue = number.cumsum(axis=1), revenue.cumsum(axis=1)
    outcomes = {
        "conversion": ((number > 0) * 1.0, (spent > 0) * 1.0),
        "revenue": (revenue, spent),
        "profit": (MARGIN * revenue - COST * number, spent),
    }
    looks = {}
    for name, (values, before) in outcomes.items():
        arms = []
        for arm in (~is_control, is_control):
            mine = arm[buyers]
            arms.append(_sums(values[mine], before[buyers[mine]], before[arm], started[arm]))
        means = (_means(shop, of, name, started) for of in (relative, 0))
        looks[name] = [Look(*look) for look in zip(*arms, *means, strict=True)]
    return looks


def _amounts(count: int, shop: Shop, random: np.random.Generator) -> Array:
    return random.lognormal(math.log(AMOUNT) - shop.sigma**2 / 2, shop.sigma, count)


def _sums(values: Array, before_of_buyers: Array, before: Array, started: Array) -> list[Sums]:
    """Return the sums of an arm after each day. `values` has one row per buyer and one column per day."""
    columns = (
        values.sum(axis=0),
        np.abs(values).sum(axis=0),
        (values**2).sum(axis=0),
        np.bincount(started, before, DAYS).cumsum(),
        np.bincount(started, before**2, DAYS).cumsum(),
        before_of_buyers @ values,
    )
    customers = np.bincount(started, minlength=DAYS).cumsum()
    return [Sums(int(count), *map(float, rest)) for count, *rest in zip(customers, *columns, strict=True)]


def _means(shop: Shop, relative: float, name: str, started: Array) -> list[float]:
    """Return, for each day, the true mean outcome of the customers assigned until then."""
    ages = np.arange(1, DAYS + 1)
    by_age = shop.expected(ages, relative)[name]
    assigned = np.bincount(started, minlength=DAYS)
    return [float(assigned[:age] @ by_age[:age][::-1] / assigned[:age].sum()) for age in ages]


def _ours(look: Look, quantile: float) -> Interval:
    return effect(look.treated, look.control, quantile).difference


def _textbook(look: Look, quantile: float) -> Interval:
    """Return the symmetric interval of textbooks. The benchmark compares the project's interval with this interval."""
    value = look.treated.mean - look.control.mean
    distance = quantile * math.sqrt(look.treated.variance() + look.control.variance())
    return Interval(value, value - distance, value + distance)


def _misses(shop: Shop, random: np.random.Generator) -> list[Row]:
    say(f"  {RUNS} campaigns with an effect and {RUNS} without: {shop.name}")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    revenue = []
    for _ in range(RUNS):
        looks = campaign(shop, RELATIVE, random)
        _count_misses(shop, looks, counts)
        revenue.append(looks["revenue"][-1])
        looks = campaign(shop, 0, random)
        _count_misses(shop, looks, counts)
        _count_wins(shop, looks, counts)
    rows = [
        _worst(shop, "miss the effect at the end", counts, "missed", 2 * RUNS, shop.allowed, "missed by textbook"),
        _worst(shop, "miss the relative effect at the end", counts, "missed relative", 2 * RUNS, shop.allowed),
        _worst(shop, "miss at any of 30 looks, always-valid", counts, "missed at any", 2 * RUNS, 5),
        _worst(shop, "false wins at any of 30 looks, always-valid", counts, "won", RUNS, 5, "won by textbook"),
        _worst(shop, "false wins at any of 30 looks, not always-valid", counts, "won by one look", RUNS),
    ]
    if shop is not SMALL:
        held = 100 - 100 * min(counts["missed"].values()) / (2 * RUNS)
        rows.append(Row(f"{shop.name}: most intervals that hold at the end", held, "%", 95, 97 / 95))
    return [*rows, _explained(shop, revenue)]


def _count_misses(shop: Shop, outcomes: dict[str, list[Look]], counts: dict[str, Counter[str]]) -> None:
    always = _always(shop, outcomes)
    for name, looks in outcomes.items():
        end = looks[-1]
        measured = effect(end.treated, end.control)
        counts["missed"][name] += not _holds(measured.difference, end.truth)
        counts["missed relative"][name] += not _holds(measured.relative, end.truth / end.control_mean)
        counts["missed by textbook"][name] += not _holds(_textbook(end, Z), end.truth)
        held = (_holds(_ours(look, at), look.truth) for look, at in zip(looks, always, strict=True))
        counts["missed at any"][name] += not all(held)


def _count_wins(shop: Shop, outcomes: dict[str, list[Look]], counts: dict[str, Counter[str]]) -> None:
    always = _always(shop, outcomes)
    rules = {"won": (_ours, always), "won by textbook": (_textbook, always), "won by one look": (_ours, [Z] * DAYS)}
    for name, looks in outcomes.items():
        for kind, (rule, quantiles) in rules.items():
            intervals = (rule(look, at) for look, at in zip(looks, quantiles, strict=True))
            counts[kind][name] += any(one.lower > 0 for one in intervals)


def _holds(interval: Interval | None, truth: float) -> bool:
    """Return whether the interval contains the truth. A missing interval counts as right, because it claims nothing."""
    return interval is None or interval.lower <= truth <= interval.upper


def _always(shop: Shop, looks: dict[str, list[Look]]) -> list[float]:
    """Return, for each look, the quantile of an interval that is valid at every look.

    The quantile depends on the planned number of buyers, which is here the expected number.
    """
    planned = shop.customers * shop.conversion
    return [anytime.quantile(look.treated.total + look.control.total, planned) for look in looks["conversion"]]


def _worst(
    shop: Shop,
    what: str,
    counts: dict[str, Counter[str]],
    kind: str,
    runs: int,
    most: float | None = None,
    other: str | None = None,
) -> Row:
    """Return a row about the outcome with the largest share `counts[kind] / runs`.

    `counts` has, for each kind of interval, the number of misses by outcome. `most` is the limit of the share, in
    percent. `other` is a second kind, whose shares are shown for comparison.
    """
    shares = _shares(counts[kind], runs)
    compared = f"; textbook {_shares(counts[other], runs)}" if other else ""
    measured = 100 * max(counts[kind].values()) / runs
    return Row(f"{shop.name}: {what} ({shares}{compared})", measured, "%", 5, most and most / 5)


def _shares(counts: Counter[str], runs: int) -> str:
    return ", ".join(f"{name} {count / runs:.1%}" for name, count in counts.items())


def _explained(shop: Shop, ends: list[Look]) -> Row:
    """Compare the variance of the effect on revenue with and without CUPED, which corrects for earlier revenue."""
    with_before = [effect(look.treated, look.control) for look in ends]
    without = [look.treated.mean - look.control.mean for look in ends]
    said = float(np.mean([one.explained for one in with_before]))
    left = float(np.var([one.difference.value for one in with_before]) / np.var(without))
    what = f"{shop.name}: variance of the effect on revenue that is left by CUPED, which says {1 - said:.1%}"
    return Row(what, 100 * left, "%", 100 * (1 - said), 1.1)


def _planned(random: np.random.Generator) -> list[Row]:
    say("  plans")
    rows, runs = [], 10 * RUNS
    for control_share, quantile in ((0.1, Z), (0.5, Z), (0.1, anytime.AT_PLAN)):
        plan = Plan(0.03, control_share=control_share, quantile=quantile)
        count = plan.customers(RELATIVE)
        shown = 0
        for _ in range(runs):
            control = random.binomial(count, control_share)
            arms = _arm(count - control, 0.03 * (1 + RELATIVE), random), _arm(control, 0.03, random)
            shown += effect(*arms, quantile).difference.lower > 0
        looks = "one look" if quantile == Z else "any look"
        what = f"plan for 80 %, {looks}, control {control_share:.0%}: {count:,} customers, and the effect is not shown"
        rows.append(Row(what, 100 - 100 * shown / runs, "%", 20, 1.05))
    return rows


def _arm(customers: int, rate: float, random: np.random.Generator) -> Sums:
    """Draw an arm of a campaign, in which each customer converts with probability `rate`."""
    buyers = float(random.binomial(customers, rate))
    return Sums(int(customers), buyers, buyers, buyers)


def _sizes(random: np.random.Generator) -> list[Row]:
    say("  sizes of arms")
    shares = {"treated": 0.882, "control": 0.098, "holdout": 0.02}
    lost = {**shares, "control": 0.85 * 0.098}
    runs = 50 * RUNS
    fair = random.multinomial(20_000, list(shares.values()), runs)
    unfair = random.multinomial(20_000, [share / sum(lost.values()) for share in lost.values()], runs)
    alarms, found = (
        sum(ratios.check(dict(zip(shares, map(int, one), strict=True)), shares).is_mismatch for one in counts)
        for counts in (fair, unfair)
    )
    return [
        Row("sizes of arms: false alarms", 100 * alarms / runs, "%", 100 * ratios.THRESHOLD, 1.3),
        Row("sizes of arms: not found that 15 % of the control group are missing", 100 - 100 * found / runs, "%"),
    ]


def _qini_misses(random: np.random.Generator) -> Row:
    say("  Qini curves")
    rates, effects = 0.12 * 0.6 ** np.arange(10), np.linspace(0.5, 0, 10)
    truth = float(np.sum(0.1 * rates * effects * (0.5 - np.arange(0.05, 1, 0.1))))
    missed = 0
    for _ in range(2 * RUNS):
        strata = [
            Stratum(_arm(1800, rate * (1 + relative), random), _arm(200, rate, random))
            for rate, relative in zip(rates, effects, strict=True)
        ]
        found = qini(strata)
        missed += found is None or not found.coefficient.lower <= truth <= found.coefficient.upper
    what = "Qini coefficients that the interval misses, 20,000 customers, control 10 %"
    return Row(what, 100 * missed / (2 * RUNS), "%", 5, 7 / 5)
