"""Decide which candidate wins and whether the winner may serve: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.chain.intervals import LOSSES, Estimate, interval, more_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.chain.intervals import Comparisons
    from shared.settings import Gate

NAMES = {"log_loss": "log loss", "brier": "Brier score", "roc_auc": "ROC AUC", "pr_auc": "PR AUC"}
CHAMPION = "champion"
# In comparisons, the name of the best champion so far. Not used if the current champion is the best.
BEST = "best_champion"
_CALLED = {CHAMPION: "the champion", BEST: "the best champion so far"}
# The model types that count as simple, as BigQuery's API names them.
_SIMPLE_KINDS = ("LOGISTIC_REGRESSION",)


@dataclass(frozen=True)
class Model:
    """A candidate with its BigQuery model type (`kind`) and its number of features."""

    candidate: str
    kind: str
    features: int

    @property
    def description(self) -> str:
        """The kind and the number of features in words."""
        return f"{self.kind.lower().replace('_', ' ')} on {self.features} features"


@dataclass(frozen=True)
class Choice:
    """The candidate that goes to the gate. `reason` explains the choice in two sentences."""

    candidate: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on a candidate. `reasons` holds the rules that the candidate breaks; empty if it passes."""

    candidate: str
    reasons: list[str]

    @property
    def passes(self) -> bool:
        """Whether the candidate may replace the champion."""
        return not self.reasons


@dataclass(frozen=True)
class Counts:
    """The number of test visitors, and how many of them bought."""

    visitors: int
    buyers: int


def word(roc_auc: float | None) -> str:
    """Return a word for a ROC AUC, from "poor" to "good". The limits are those of Google's purchase propensity lab."""
    if roc_auc is None:
        return "unknown"
    for least, name in ((0.9, "good"), (0.8, "fair"), (0.7, "decent"), (0.6, "not great")):
        if roc_auc > least:
            return name
    return "poor"


def by_simplicity(models: Sequence[Model]) -> list[Model]:
    """Return the models, the simplest first: logistic regressions before other types, then by number of features.

    Equally simple models keep their order.
    """
    return sorted(models, key=lambda model: (model.kind not in _SIMPLE_KINDS, model.features))


def choose(models: Sequence[Model], compared: Comparisons, limits: Gate) -> Choice:
    """Return the candidate with the best metric, or a simpler candidate that is shown to be no worse than the best.

    If several simpler candidates are no worse, the simplest is chosen. `compared` holds comparisons on the evaluation
    visitors. If the metric `limits.metric` cannot be computed on these visitors, the simplest candidate is chosen.
    """
    ordered = by_simplicity(models)
    metric, called = limits.metric, NAMES[limits.metric]
    known = {model.candidate: found for model in ordered if (found := compared.metric(metric, model.candidate))}
    if not known:
        return Choice(
            ordered[0].candidate,
            f"The evaluation visitors tell no {called}, because they are all buyers or all none. "
            f"So {ordered[0].candidate} was chosen, which is the simplest.",
        )
    sign = 1 if metric in LOSSES else -1
    best = min(known, key=lambda name: sign * known[name].value)
    measured = f"{best} has the best {called} on the evaluation visitors, {text(metric, known[best])}."
    for simple in ordered:
        if simple.candidate == best:
            break
        loss = compared.loss(metric, simple.candidate, best, with_margin=True)
        if loss and loss.upper <= 0:
            return Choice(
                simple.candidate,
                f"{measured} {simple.candidate} was chosen: it is simpler ({simple.description}) and shown to be "
                f"{_no_worse(limits)}.",
            )
    if best == ordered[0].candidate:
        return Choice(best, f"{measured} It is also the simplest candidate.")
    return Choice(best, f"{measured} No simpler candidate is shown to be {_no_worse(limits)}.")


def judge(
    winner: str,
    held_against: Sequence[str],
    on: Counts,
    compared: Comparisons,
    single_features: Mapping[str, float | None],
    limits: Gate,
) -> Verdict:
    """Return whether the winner may serve, and if not, each reason with its numbers.

    `held_against` names the champions with which the winner is compared. `on` counts the test visitors, and `compared`
    holds comparisons on the test visitors. `single_features` holds the ROC AUC of each feature alone on held-out rows.
    """
    reasons = [*_too_few(on, limits), *_ranking(winner, on, compared, limits)]
    for champion in held_against:
        reasons += _losses(winner, champion, on, compared, limits)
    reasons += [
        f"{feature} alone has ROC AUC {roc_auc:.3f}: it knows the answer (gate.max_single_feature_roc_auc)"
        for feature, roc_auc in single_features.items()
        if roc_auc is not None and max(roc_auc, 1 - roc_auc) > limits.max_single_feature_roc_auc
    ]
    return Verdict(winner, reasons)


def is_better(winner: str, champion: str, compared: Comparisons, limits: Gate) -> bool:
    """Return whether the winner is shown to be better than the champion on the same visitors.

    Return False if `compared` has no comparison of the two.
    """
    loss = compared.loss(limits.metric, winner, champion)
    return loss is not None and loss.upper < 0


def text(metric: str, estimate: Estimate) -> str:
    """Return a metric with its 95 % interval as text, e.g. `0.814 (0.764 to 0.853)`."""
    lower, upper = interval(metric, estimate)
    digits = 4 if metric in LOSSES else 3
    return f"{estimate.value:.{digits}f} ({lower:.{digits}f} to {upper:.{digits}f})"


def _too_few(on: Counts, limits: Gate) -> list[str]:
    if on.buyers >= limits.min_positives:
        return []
    reason = (
        f"only {on.buyers} of {on.visitors} test visitors bought on a return visit; {limits.min_positives} are needed "
        f"to judge a model, {limits.min_positives - on.buyers} more (gate.min_positives)"
    )
    return [reason]


def _ranking(winner: str, on: Counts, compared: Comparisons, limits: Gate) -> list[str]:
    roc_auc = compared.metric("roc_auc", winner)
    if roc_auc is None:
        return ["the test visitors are all buyers or all none, so nothing can be ranked"]
    measured = f"ROC AUC {text('roc_auc', roc_auc)}"
    if roc_auc.value < limits.min_roc_auc:
        return [f"{measured} ({word(roc_auc.value)}) is below {limits.min_roc_auc} (gate.min_roc_auc)"]
    least = limits.min_roc_auc_lower
    if interval("roc_auc", roc_auc)[0] >= least:
        return []
    short = Estimate(least - roc_auc.value, roc_auc.variance, -roc_auc.third, roc_auc.freedom)
    return [f"{measured} is not shown to be at least {least} (gate.min_roc_auc_lower)" + _remedy(short, on)]


def _losses(winner: str, champion: str, on: Counts, compared: Comparisons, limits: Gate) -> list[str]:
    metric, called = limits.metric, NAMES[limits.metric]
    loss = compared.loss(metric, winner, champion, with_margin=True)
    mine, other = compared.metric(metric, winner), compared.metric(metric, champion)
    if loss is None or mine is None or other is None or loss.upper <= 0:
        return []
    return [
        f"{called} {text(metric, mine)} is not shown to be {_no_worse(limits)} than that of {_CALLED[champion]} on the "
        f"same visitors, {text(metric, other)}" + _remedy(loss, on)
    ]


def _no_worse(limits: Gate) -> str:
    return f"at most {100 * limits.margin:g} % worse (gate.margin)"


def _remedy(loss: Estimate, on: Counts) -> str:
    more = more_needed(loss, on.buyers)
    return "" if more is None else f"; with about {more} more buyers among the test visitors it would be"
