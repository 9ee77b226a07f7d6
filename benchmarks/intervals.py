"""Test the intervals and the gate of docs/judging.md on simulated visitors whose true metrics are known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from benchmarks.measure import Row, say
from shared.chain import gate
from shared.chain.intervals import REPLICATES, Comparisons, Estimate, Sums, interval
from shared.settings import Gate

SEED = 20261127
RUNS = 2000
BUYERS = (50, 200, 1000)
# All other rules of the gate are switched off, so that only the margin decides.
LIMITS = Gate(min_roc_auc=0, min_roc_auc_lower=0, min_positives=0)
# For comparison, the benchmark measures a former rule of the gate. By this rule, the estimated ROC AUC may fall by this
# amount, whatever its interval.
FORMER_LOSS = 0.01
# Number of visitors from whom the true metrics are computed. These metrics use true probabilities instead of labels,
# because labels would add a random error.
KNOWN = 2_000_000

type Array = np.ndarray
type Model = Callable[["Visitors"], Array]


@dataclass(frozen=True)
class Visitors:
    """Simulated visitors. `true` is the true probability of each visitor's purchase.

    `seen` is the part of the signal that models can see. `noise` has no influence on the probability, but the model
    "noisy" uses it.
    """

    seen: Array
    noise: Array
    true: Array

    @classmethod
    def draw(cls, count: int, random: np.random.Generator) -> "Visitors":
        """Return `count` random visitors, of whom about one in forty buys. Models see only a part of the signal."""
        seen, hidden = random.normal(size=count), random.normal(size=count)
        return cls(seen, random.normal(size=count), logistic(-4.3 + seen + 0.6 * hidden))


def logistic(log_odds: Array) -> Array:
    """Return the probabilities that have these log odds."""
    return 1 / (1 + np.exp(-log_odds))


def champion(visitors: Visitors) -> Array:
    """Return the best probabilities that can be computed from the visible signal."""
    return logistic(-4.15 + visitors.seen)


# Three kinds of models that are worse than the champion. A model is worse if `by` is larger. _by_exactly_the_margin
# chooses `by` so that the log loss is worse by exactly the margin.
WORSE: dict[str, Callable[[float], Model]] = {
    "overconfident": lambda by: lambda visitors: logistic(-4.15 + (1 + by) * visitors.seen),
    "timid": lambda by: lambda visitors: logistic(-4.15 + 0.4 * by + (1 - by) * visitors.seen),
    "noisy": lambda by: lambda visitors: logistic(-4.15 + visitors.seen + by * visitors.noise),
}


def measure(is_full: bool) -> list[Row]:
    """Measure two rates: intervals that miss the truth, and approvals of a challenger that is worse by the margin."""
    random = np.random.default_rng(SEED)
    known = Visitors.draw(KNOWN, random)
    sizes = {buyers: round(buyers / known.true.mean()) for buyers in BUYERS}
    rows = [row for buyers, count in sizes.items() for row in _misses(buyers, count, known, random)]
    for buyers in BUYERS if is_full else BUYERS[:2]:
        rows += _misses_of_resamples(buyers, sizes[buyers], known, random)
    for name, worse in WORSE.items():
        challenger = worse(_by_exactly_the_margin(worse, known))
        rows += [_promoted(name, challenger, buyers, count, random) for buyers, count in sizes.items()]
    return rows


def _misses(buyers: int, count: int, known: Visitors, random: np.random.Generator) -> list[Row]:
    say(f"  {RUNS} intervals of {buyers} buyers")
    truth = true_metrics(champion(known), known.true)
    missed = dict.fromkeys(truth, 0)
    for _ in range(RUNS):
        visitors = Visitors.draw(count, random)
        labels = labels_of(visitors, random)
        compared = Comparisons([sums("champion", labels, contributions(labels, champion(visitors)))])
        for metric, value in truth.items():
            lower, upper = interval(metric, _known(compared.metric(metric, "champion")))
            missed[metric] += not lower <= value <= upper
    return [share(f"95 % intervals of {metric} that miss, {buyers} buyers", missed[metric], RUNS) for metric in truth]


def _misses_of_resamples(buyers: int, count: int, known: Visitors, random: np.random.Generator) -> list[Row]:
    runs = RUNS // 5
    say(f"  {runs} resampled intervals of {buyers} buyers")
    everybody = np.ones((1, KNOWN), dtype=np.int8)
    truth = dict(
        zip(("pr_auc", "lift_at_10_percent"), ranked(champion(known), known.true[None], everybody), strict=True)
    )
    missed = dict.fromkeys(truth, 0)
    for _ in range(runs):
        visitors = Visitors.draw(count, random)
        weights = random.poisson(1, (REPLICATES + 1, count)).astype(np.int8)
        weights[0] = 1
        measured = ranked(champion(visitors), weights * labels_of(visitors, random), weights)
        for (metric, value), found in zip(truth.items(), measured, strict=True):
            lower, upper = interval(metric, Estimate(found[0], found[1:].var(ddof=1)))
            missed[metric] += not lower <= value[0] <= upper
    return [share(f"95 % intervals of {metric} that miss, {buyers} buyers", missed[metric], runs) for metric in truth]


def _promoted(name: str, challenger: Model, buyers: int, count: int, random: np.random.Generator) -> Row:
    say(f"  {RUNS} pairs of {buyers} buyers, {name}")
    now = before = 0
    for _ in range(RUNS):
        visitors = Visitors.draw(count, random)
        labels = labels_of(visitors, random)
        mine, other = (contributions(labels, model(visitors)) for model in (challenger, champion))
        compared = Comparisons(
            [
                sums("challenger", labels, mine),
                sums(gate.CHAMPION, labels, other),
                sums("challenger", labels, mine, gate.CHAMPION, other),
            ]
        )
        counts = gate.Counts(count, int(labels.sum()))
        now += gate.judge("challenger", [gate.CHAMPION], counts, compared, {}, LIMITS).passes
        areas = [_known(compared.metric("roc_auc", one)).value for one in (gate.CHAMPION, "challenger")]
        before += areas[0] - areas[1] <= FORMER_LOSS
    what = f"promoted though worse by the margin, {name}, {buyers} buyers; by the former rule {before / RUNS:.1%}"
    return share(what, now, RUNS, nominal=0.025)


def share(what: str, count: int, runs: int, nominal: float = 0.05) -> Row:
    """Return a row with the share `count / runs` in percent.

    If the true share is `nominal`, the measured share exceeds the row's bound with a probability of 2.5 %.
    """
    low, high = (bound / runs for bound in stats.binom.interval(0.95, runs, nominal))
    said = f"{what}; chance of {runs} runs: {low:.1%} to {high:.1%}"
    return Row(said, 100 * count / runs, "%", floor=100 * nominal, bound=high / nominal)


def _by_exactly_the_margin(worse: Callable[[float], Model], known: Visitors) -> float:
    allowed = (1 + LIMITS.margin) * true_metrics(champion(known), known.true)["log_loss"]
    found: float = optimize.brentq(
        lambda by: true_metrics(worse(by)(known), known.true)["log_loss"] - allowed, 0.01, 1.2, xtol=1e-5
    )
    return found


def labels_of(visitors: Visitors, random: np.random.Generator) -> Array:
    """Draw a label for each visitor: 1 (a buyer) with the visitor's true probability, otherwise 0."""
    return (random.random(len(visitors.true)) < visitors.true).astype(int)


def _known(estimate: Estimate | None) -> Estimate:
    if estimate is None:
        raise AssertionError("nobody bought, or everybody")
    return estimate


def true_metrics(said: Array, true: Array) -> dict[str, float]:
    """Return the metrics of the probabilities `said`, computed with true probabilities instead of labels."""
    order = np.argsort(said)
    others_below = np.cumsum(1 - true[order]) - (1 - true[order]) / 2
    return {
        "roc_auc": float((true[order] * others_below).sum() / (true.sum() * (1 - true).sum())),
        "log_loss": float(-np.mean(true * np.log(said) + (1 - true) * np.log(1 - said))),
        "brier": float(np.mean(true * (1 - said) ** 2 + (1 - true) * said**2)),
    }


def contributions(labels: Array, said: Array) -> dict[str, Array]:
    """Return each visitor's contribution to the metrics, as sql/evaluation/comparisons.sql computes it."""
    buyers, others = np.sort(said[labels == 1]), np.sort(said[labels == 0])
    placed = np.empty(len(labels))
    for label, rest in ((1, others), (0, buyers)):
        values = said[labels == label]
        below = (np.searchsorted(rest, values, "left") + np.searchsorted(rest, values, "right")) / 2 / len(rest)
        placed[labels == label] = below if label else 1 - below
    return {
        "placed": placed,
        "log_loss": -np.log(np.where(labels == 1, said, 1 - said)),
        "brier": (said - labels) ** 2,
    }


def sums(
    candidate: str, labels: Array, mine: dict[str, Array], other: str = "", others: dict[str, Array] | None = None
) -> Sums:
    """Compute a row as sql/evaluation/comparisons.sql does.

    Without `other`, the row is about one model. With `other`, the row compares two models, with the margin.
    """
    scales = {"placed": 1 - LIMITS.margin, "log_loss": 1 + LIMITS.margin, "brier": 1 + LIMITS.margin}
    of = {name: mine[name] - (scales[name] * others[name] if others else 0) for name in mine}
    count, buyers = len(labels), int(labels.sum())
    moved = of["placed"] - of["placed"][labels == 1].mean()
    losses = {
        f"{name}{power}": float(values.sum() if not exponent else ((values - values.mean()) ** exponent).sum())
        for name, values in of.items()
        if name != "placed"
        for power, exponent in (("", 0), ("_squares", 2), ("_cubes", 3))
    }
    return Sums(
        candidate=candidate,
        other=other,
        with_margin=bool(other),
        visitors=count,
        row_count=count,
        buyers=buyers,
        others=count - buyers,
        visitors_with_buyers=buyers,
        visitors_with_others=count - buyers,
        placed=float(of["placed"][labels == 1].sum()),
        buyers_squares=float((moved[labels == 1] ** 2).sum()),
        others_squares=float((moved[labels == 0] ** 2).sum()),
        products=0.0,
        placed_cubes=float(((moved / np.where(labels == 1, buyers, count - buyers)) ** 3).sum()),
        **losses,
    )


def ranked(said: Array, hits: Array, weights: Array) -> tuple[Array, Array]:
    """Compute PR AUC and lift at 10 % for each row of weights, as sql/evaluation/resamples.sql does.

    `hits` holds the products of each visitor's weight and label. The label can be replaced by the true probability. No
    two values of `said` may be equal.
    """
    order = np.argsort(-said)
    is_threshold = hits[:, order].any(axis=0)
    chosen = np.cumsum(weights[:, order], axis=1, dtype=float)
    visitors, chosen = chosen[:, -1:], chosen[:, is_threshold]
    own, found = weights[:, order][:, is_threshold], hits[:, order][:, is_threshold].astype(float)
    recall = found / found.sum(axis=1, keepdims=True)
    precision = np.cumsum(found, axis=1) / np.maximum(chosen, 1)
    within = np.clip((0.1 * visitors - chosen + own) / np.maximum(own, 1), 0, 1)
    return (recall * precision).sum(axis=1), (recall * within).sum(axis=1) / 0.1
