"""Correct the probabilities of models that learn from all buyers and from a sample of the other visitors.

The setting `training.max_rows` limits the training rows, and sql/features/training_rows.sql draws the sample. If the
share s of the other visitors is kept, the odds in the sample are the true odds divided by s, whatever the model is. So
the true log odds are the model's log odds plus ln(s): the prior correction of King and Zeng (2001), Logistic Regression
in Rare Events Data. The correction becomes a part of the run's calibrator, which all scorers apply.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from shared.chain.calibration import DIGITS, Fitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.chain.documents import Split

TRAIN, UNUSED = "train", "unused"


def kept_share(splits: Iterable[Split]) -> float:
    """Return the share of the visitors without a purchase that the sample kept, on the training days."""
    others = {one.split: one.visitors - one.positives for one in splits}
    kept, unused = others.get(TRAIN, 0), others.get(UNUSED, 0)
    return kept / (kept + unused) if kept else 1.0


def shift(kept: float) -> float:
    """Return the number to be added to a model's log odds: ln(`kept`), where `kept` is the share s."""
    return round(math.log(kept), DIGITS)


def corrected(fitted: Fitted, kept: float) -> Fitted:
    """Return the calibrator for the model's own log odds; `fitted` was fitted to corrected log odds."""
    if kept == 1:
        return fitted
    of_sample = f"the model has learnt from {kept:.2%} of those who did not buy, so its log odds first change by"
    return Fitted(fitted.calibrator.after(shift(kept)), f"{fitted.method}; {of_sample} {shift(kept):.2f}")
