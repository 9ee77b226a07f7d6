"""Which candidate wins, and whether it may serve: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.settings import Gate


@dataclass(frozen=True)
class Metrics:
    """How one model does on the test visitors; the ranks are None when one class is missing there."""

    candidate: str
    visitors: int
    positives: int
    roc_auc: float | None
    expected_positives: float


@dataclass(frozen=True)
class Verdict:
    """The gate's word on a candidate; `reasons` says what it misses, and is empty when it passes."""

    candidate: str
    reasons: list[str]
    is_calibrated: bool

    @property
    def passes(self) -> bool:
        """Whether the candidate may replace the champion."""
        return not self.reasons


def word(roc_auc: float | None) -> str:
    """Return the word for a ROC AUC that Google's purchase propensity lab made common."""
    if roc_auc is None:
        return "unknown"
    for least, name in ((0.9, "good"), (0.8, "fair"), (0.7, "decent"), (0.6, "not great")):
        if roc_auc > least:
            return name
    return "poor"


def choose(candidates: Sequence[Metrics]) -> Metrics:
    """Return the candidate that ranks best; of equals, the one named first, so put the simplest first."""
    return max(candidates, key=lambda metrics: -1.0 if metrics.roc_auc is None else metrics.roc_auc)


def judge(winner: Metrics, champion: Metrics | None, single_features: dict[str, float | None], limits: Gate) -> Verdict:
    """Say whether the winner may serve, and if not, each reason with its numbers.

    `single_features` is the ROC AUC of each feature alone, on the rows held out.
    """
    reasons = []
    if winner.positives < limits.min_positives:
        reasons.append(
            f"only {winner.positives} of {winner.visitors} test visitors bought on a return visit; "
            f"{limits.min_positives} are needed to judge a model (gate.min_positives)"
        )
    if winner.roc_auc is None:
        reasons.append("the test visitors are all buyers or all none, so nothing can be ranked")
    elif winner.roc_auc < limits.min_roc_auc:
        reasons.append(
            f"ROC AUC {winner.roc_auc:.3f} ({word(winner.roc_auc)}) is below {limits.min_roc_auc} (gate.min_roc_auc)"
        )
    if champion and champion.roc_auc is not None and winner.roc_auc is not None:
        loss = champion.roc_auc - winner.roc_auc
        if loss > limits.max_roc_auc_loss:
            reasons.append(
                f"ROC AUC {winner.roc_auc:.3f} is {loss:.3f} below the champion's {champion.roc_auc:.3f} "
                f"on the same visitors (gate.max_roc_auc_loss {limits.max_roc_auc_loss})"
            )
    calibrated = is_calibrated(winner, limits.max_calibration_ratio)
    if winner.positives and not calibrated:
        reasons.append(
            f"{winner.expected_positives:.1f} buyers were predicted and {winner.positives} bought, which differs by "
            f"more than {limits.max_calibration_ratio} times (gate.max_calibration_ratio)"
        )
    reasons += [
        f"{feature} alone has ROC AUC {roc_auc:.3f}: it knows the answer (gate.max_single_feature_roc_auc)"
        for feature, roc_auc in single_features.items()
        if roc_auc is not None and max(roc_auc, 1 - roc_auc) > limits.max_single_feature_roc_auc
    ]
    return Verdict(winner.candidate, reasons, calibrated)


def is_calibrated(metrics: Metrics, max_ratio: float) -> bool:
    """Whether as many buyers were predicted as there were, within a factor."""
    if not metrics.positives or not metrics.expected_positives:
        return False
    return 1 / max_ratio <= metrics.expected_positives / metrics.positives <= max_ratio
