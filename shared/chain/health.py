"""The rules of the model's health: pure functions that turn measurements into findings.

A finding's state is fine, warn, or act. `act` means that a training would help, so the finding requests a training.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from shared.chain.answers import MOST_FAILING, MOST_UNANSWERED
from shared.chain.drift import SCORE, Limits
from shared.chain.intervals import shown_share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from shared.chain.answers import Answers
    from shared.chain.documents import Estimated, Measured
    from shared.chain.drift import Judged
    from shared.chain.intervals import Estimate

type State = Literal["fine", "warn", "act"]

# Largest accepted share of checkouts in which a feature contradicts the export. If the share is shown to be larger, the
# feature is reported as wrong.
MOST_WRONG = 0.05
# Minimum number of checkouts to judge the served features or the answers. With fewer checkouts, nothing is reported.
LEAST_CHECKOUTS = 50

_ORDER: tuple[State, ...] = ("fine", "warn", "act")


class Finding(msgspec.Struct, frozen=True):
    """The result of one check.

    `value` is None if it could not be measured. `threshold` is None if the check has no threshold.
    """

    check: str
    state: State
    found: str
    value: float | None = None
    threshold: float | None = None


class Compared(NamedTuple):
    """A row of sql/monitoring/served_features.sql: how often a feature at the checkout contradicts the export.

    `compared` counts the checkouts in which the shop sent the feature.
    """

    feature: str
    checkouts: int
    compared: int
    contradictions: int

    @property
    def share(self) -> float:
        """The share of the compared checkouts that contradict the export; 0 if none was compared."""
        return self.contradictions / self.compared if self.compared else 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether, with statistical confidence, the share of contradicting checkouts is above MOST_WRONG."""
        return self.compared >= LEAST_CHECKOUTS and shown_share(self.contradictions, self.compared) > MOST_WRONG


class Skew(NamedTuple):
    """How far the recent values of feature `input` are from the training data: a row of sql/monitoring/skew*.sql."""

    input: str
    metric: str
    threshold: float
    value: float
    is_anomaly: bool


def worst(findings: Sequence[Finding]) -> State:
    """Return the worst state of the findings, or "fine" if there are no findings."""
    return max((one.state for one in findings), key=_ORDER.index, default="fine")


def data_age(newest: date | None, today: date, most: int) -> Finding:
    """Judge the age of `newest`, the newest day that was read from the export.

    An age of at most `most` days is fine. If `most` is 0, any age is fine.
    """
    if newest is None:
        return Finding("data_age", "warn", "no day of the export has been read yet")
    age = (today - newest).days
    is_old = 0 < most < age
    found = f"the newest day is {newest}, {age} days ago"
    if is_old:
        return Finding("data_age", "warn", f"{found}; {most} are allowed (checks.max_age_days)", age, most)
    return Finding("data_age", "fine", found, age, most or None)


def scores_age(scored: date | None, newest: date | None) -> Finding:
    """Judge whether `newest`, the newest day that was read, has scores.

    `scored` is the newest day that has scores, or None if there are no scores yet.
    """
    if newest is None:
        return Finding("scores_age", "fine", "there is nothing to score yet")
    if scored is None:
        return Finding("scores_age", "warn", "nobody has been scored yet")
    behind = (newest - scored).days
    if behind <= 0:
        return Finding("scores_age", "fine", f"visitors are scored until {scored}", behind, 1)
    return Finding("scores_age", "warn", f"visitors are scored until {scored}, but data go until {newest}", behind, 1)


def champion_age(days: int, most: int) -> Finding:
    """Judge `days`, the age of the champion's newest training data. At most `most` days are allowed."""
    found = f"the champion has learnt from data {days} days old"
    if days <= most:
        return Finding("champion_age", "fine", found, days, most)
    return Finding("champion_age", "act", f"{found}; {most} are allowed (monitoring.max_champion_days)", days, most)


def performance(promised: Measured | None, realised: Measured | None) -> Finding:
    """Compare the champion's ROC AUC on new visitors (`realised`) with the ROC AUC of its evaluation (`promised`).

    New visitors came after the champion's training data. The champion has become worse if the interval of `realised`
    lies below the interval of `promised`. Overlapping intervals show no difference.
    """
    if realised is None or realised.roc_auc is None:
        return Finding("performance", "fine", "not known yet: nobody who came since has bought, or had the time to")
    of_whom = f"on {realised.visitors} visitors since, {realised.positives} of whom bought"
    found = f"ROC AUC {_with_interval(realised)} {of_whom}"
    if promised is None or promised.roc_auc is None:
        return Finding("performance", "fine", f"{found}; nothing was promised", realised.roc_auc)
    lower, upper = promised.intervals["roc_auc"][0], realised.intervals["roc_auc"][1]
    found = f"{found}; promised {_with_interval(promised)}"
    if lower is None or upper is None:
        return Finding("performance", "fine", found, realised.roc_auc)
    if upper < lower:
        return Finding("performance", "act", f"{found}, so it has become worse", realised.roc_auc, lower)
    state: State = "warn" if realised.roc_auc < lower else "fine"
    return Finding("performance", state, found, realised.roc_auc, lower)


def former_champion(share: float, margin: float, *, is_shown: bool) -> Finding:
    """Compare the champion with the former champion on the same visitors.

    `share` is the relative difference of the metric: positive if the champion is worse. `is_shown` is True if the
    champion is shown to be worse by more than `margin`.
    """
    kind = "worse" if share > 0 else "better"
    found = f"the champion is {abs(share):.1%} {kind} than the former one on the same visitors"
    if is_shown:
        return Finding("former_champion", "warn", f"{found}, so the former one returns (gate.margin)", share, margin)
    return Finding("former_champion", "fine", found, share, margin)


def score_drift(judged: Sequence[Judged]) -> Finding:
    """Judge whether the champion's scores of recent first visits differ from its scores of the weeks before."""
    least = Limits().min_difference
    scored = next((one for one in judged if one.shift.feature == SCORE), None)
    if scored is None or scored.shift.difference is None:
        return Finding("score_drift", "fine", "not known yet: no two periods can be compared", None, least)
    moved = f"{scored.shift.difference:.0%} of the visitors have other scores than in the weeks before"
    if scored.has_drifted:
        return Finding("score_drift", "warn", moved, scored.shift.difference, least)
    return Finding("score_drift", "fine", f"{moved}, which is no drift", scored.shift.difference, least)


def skew(rows: Sequence[Skew], visitors: int, *, is_felt: bool) -> Finding:
    """Report the features in which the last week's first visits are far from the champion's training data.

    `visitors` is the number of these visits; if there are too few, nothing is reported. `is_felt` has the same
    meaning as in `drift`.
    """
    needed = Limits().min_visitors
    if visitors < needed:
        return Finding("skew", "fine", f"not known: the last week has {visitors} first visits, and {needed} are needed")
    largest = max(rows, key=lambda row: row.value, default=None)
    value, threshold = (largest.value, largest.threshold) if largest else (None, None)
    far = [row for row in rows if row.is_anomaly]
    if not far:
        return Finding("skew", "fine", "visitors are like those of the training data", value, threshold)
    named = ", ".join(f"{row.input} ({row.value:.2f})" for row in far)
    found = f"far from the training data: {named}"
    if is_felt:
        return Finding("skew", "warn", f"{found}, and scores or metrics have changed", value, threshold)
    return Finding("skew", "fine", f"{found}; neither scores nor metrics have changed", value, threshold)


def drift(judged: Sequence[Judged], *, is_felt: bool) -> Finding:
    """Report the features that have drifted.

    `is_felt` is True if the champion's scores or metrics have changed as well as the features. Otherwise the drift
    needs no action, and the finding's state is fine.
    """
    least = Limits().min_difference
    judged = [one for one in judged if one.shift.feature != SCORE]
    drifted = [one for one in judged if one.has_drifted]
    largest = max((one.shift.difference or 0.0 for one in drifted or judged), default=None)
    if not drifted:
        return Finding("drift", "fine", "no feature has drifted", largest, least)
    named = ", ".join(f"{one.shift.feature} by {one.shift.difference or 0.0:.0%} of the visitors" for one in drifted)
    if is_felt:
        return Finding("drift", "warn", f"drifted: {named}, and scores or metrics have changed", largest, least)
    return Finding("drift", "fine", f"drifted: {named}; neither scores nor metrics have changed", largest, least)


def served_features(compared: Sequence[Compared]) -> Finding:
    """Judge whether the features that the shop sent at checkouts agree with those of the same sessions in BigQuery."""
    checkouts = max((one.checkouts for one in compared), default=0)
    if checkouts < LEAST_CHECKOUTS:
        found = f"not known: {checkouts} checkouts of the last week could be compared, and {LEAST_CHECKOUTS} are needed"
        return Finding("served_features", "fine", found, None, MOST_WRONG)
    unsent = [one.feature for one in compared if not one.compared]
    not_sent = f"; the shop never sent {', '.join(unsent)}" if unsent else ""
    wrong = [one for one in compared if one.is_wrong]
    largest = max(one.share for one in compared)
    if not wrong:
        found = f"{checkouts} checkouts of the last week agree with their sessions{not_sent}"
        return Finding("served_features", "fine", found, largest, MOST_WRONG)
    named = ", ".join(f"{one.feature} in {one.share:.0%}" for one in sorted(wrong, key=lambda one: -one.share))
    found = (
        f"in the last week's {checkouts} checkouts, the shop sent other values than Google Analytics: {named}{not_sent}"
    )
    return Finding("served_features", "warn", found, largest, MOST_WRONG)


def served_answers(answers: Sequence[Answers]) -> Finding:
    """Judge how many checkouts of the last day got no score, or a score from the second scorer of `online.order`."""
    total = sum(one.checkouts for one in answers)
    if total < LEAST_CHECKOUTS:
        found = f"not known: {total} checkouts in a day, and {LEAST_CHECKOUTS} are needed"
        return Finding("served_answers", "fine", found, None, MOST_FAILING)
    failed, replaced = sum(one.failed for one in answers), sum(one.replaced for one in answers)
    found = f"of {total} checkouts in a day, {failed} got no score, and {replaced} were scored by the stand-in"
    is_failing = shown_share(failed, total) > MOST_UNANSWERED or shown_share(failed + replaced, total) > MOST_FAILING
    return Finding("served_answers", "warn" if is_failing else "fine", found, (failed + replaced) / total, MOST_FAILING)


def run_cost(run_id: str, billed: int, most_gib: float) -> Finding:
    """Judge `billed`, the bytes that BigQuery bills for a run and its trainings. A `most_gib` of 0 sets no limit."""
    gib = billed / 2**30
    found = f"BigQuery bills {gib:.2f} GiB for run {run_id}"
    if not most_gib:
        return Finding("run_cost", "fine", f"{found}; no budget is set (monitoring.max_run_gib)", gib)
    if gib > most_gib:
        return Finding("run_cost", "warn", f"{found}; {most_gib:g} are allowed (monitoring.max_run_gib)", gib, most_gib)
    return Finding("run_cost", "fine", found, gib, most_gib)


def served_performance(
    promised: Estimated | None, ratio: Estimate | None, measured: Measured | None, tolerance: float
) -> Finding:
    """Compare `ratio`, observed over expected buyers at the checkout, with the ratio in the evaluation (`promised`).

    The ratio counts as changed if the two intervals do not overlap and the two ratios differ by more than the factor
    `tolerance`. The ROC AUC in `measured` is reported but not judged: among visitors at the checkout it is lower than
    among all visitors, even for a good model.

    A change never requests a training: the model learns from first visits, and checkouts may belong to later visits.
    """
    if ratio is None or measured is None:
        return Finding("served_performance", "fine", "not known yet: no buyer of a ripe checkout is known")
    of_whom = f"on {measured.visitors} visitors at the checkout, {measured.positives} of whom bought later"
    found = f"observed over expected buyers {ratio.value:.2f} ({ratio.lower:.2f} to {ratio.upper:.2f}) {of_whom}"
    if measured.roc_auc is not None:
        found = f"{found}; ROC AUC {_with_interval(measured)}"
    if promised is None or promised.lower is None or promised.upper is None:
        return Finding("served_performance", "fine", found, ratio.value)
    found = f"{found}; the evaluation had {promised.value:.2f} ({promised.lower:.2f} to {promised.upper:.2f})"
    is_apart = ratio.lower > promised.upper or ratio.upper < promised.lower
    is_large = not 1 / tolerance <= ratio.value / promised.value <= tolerance
    state: State = "warn" if is_apart and is_large else "fine"
    return Finding("served_performance", state, found, ratio.value, promised.value)


def _with_interval(measured: Measured) -> str:
    lower, upper = (math.nan if bound is None else bound for bound in measured.intervals["roc_auc"])
    return f"{measured.roc_auc:.3f} ({lower:.3f} to {upper:.3f})"
