"""The rules of the model's health: pure functions that turn measurements into findings.

A finding's state is fine, warn, or act. `act` means that a training would help, so it asks for one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from shared.chain.drift import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from shared.chain.documents import Measured
    from shared.chain.drift import Judged

type State = Literal["fine", "warn", "act"]

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


def worst(findings: Sequence[Finding]) -> State:
    """Return the worst state of the findings."""
    return max((one.state for one in findings), key=_ORDER.index, default="fine")


def data_age(newest: date | None, today: date, most: int) -> Finding:
    """Judge the age of the newest day that was read, in days; 0 for `most` allows any age."""
    if newest is None:
        return Finding("data_age", "warn", "no day of the export has been read yet")
    age = (today - newest).days
    is_old = 0 < most < age
    found = f"the newest day is {newest}, {age} days ago"
    if is_old:
        return Finding("data_age", "warn", f"{found}; {most} are allowed (checks.max_age_days)", age, most)
    return Finding("data_age", "fine", found, age, most or None)


def scores_age(scored: date | None, newest: date | None) -> Finding:
    """Judge whether the newest day that was read is scored; `scored` is the newest day with scores."""
    if newest is None:
        return Finding("scores_age", "fine", "there is nothing to score yet")
    if scored is None:
        return Finding("scores_age", "warn", "nobody has been scored yet")
    behind = (newest - scored).days
    if behind <= 0:
        return Finding("scores_age", "fine", f"visitors are scored until {scored}", behind, 1)
    return Finding("scores_age", "warn", f"visitors are scored until {scored}, but data go until {newest}", behind, 1)


def champion_age(days: int, most: int) -> Finding:
    """Judge the age of the champion's training data, in days."""
    found = f"the champion has learnt from data {days} days old"
    if days <= most:
        return Finding("champion_age", "fine", found, days, most)
    return Finding("champion_age", "act", f"{found}; {most} are allowed (monitoring.max_champion_days)", days, most)


def performance(promised: Measured | None, realised: Measured | None) -> Finding:
    """Compare the champion's ROC AUC on new visitors (`realised`) with that of its evaluation (`promised`).

    New visitors came after the champion's training data. The champion is worse if its interval lies below the promised
    interval. Overlapping intervals show no difference.
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
    """Compare the champion with the former one on the same visitors.

    `share` is by how much the champion's metric is worse, as a share of the former champion's; a negative share means
    better. `is_shown` is True if the champion is shown to be worse by more than `margin`.
    """
    kind = "worse" if share > 0 else "better"
    found = f"the champion is {abs(share):.1%} {kind} than the former one on the same visitors"
    if is_shown:
        return Finding("former_champion", "warn", f"{found}, so the former one returns (gate.margin)", share, margin)
    return Finding("former_champion", "fine", found, share, margin)


def drift(judged: Sequence[Judged], *, is_felt: bool) -> Finding:
    """Judge which features differ from the weeks before.

    `is_felt` is True if the champion's metrics have changed too. Otherwise, a drift is only reported and needs no
    action.
    """
    least = Limits().min_difference
    drifted = [one for one in judged if one.has_drifted]
    largest = max((one.shift.difference or 0.0 for one in drifted or judged), default=None)
    if not drifted:
        return Finding("drift", "fine", "no feature has drifted", largest, least)
    named = ", ".join(f"{one.shift.feature} by {one.shift.difference or 0.0:.0%} of the visitors" for one in drifted)
    if is_felt:
        return Finding("drift", "warn", f"drifted: {named}, and the champion's worth has changed", largest, least)
    return Finding("drift", "fine", f"drifted: {named}; the champion's worth has not changed", largest, least)


def _with_interval(measured: Measured) -> str:
    lower, upper = (math.nan if bound is None else bound for bound in measured.intervals["roc_auc"])
    return f"{measured.roc_auc:.3f} ({lower:.3f} to {upper:.3f})"
