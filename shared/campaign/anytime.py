"""Widen the intervals of effects so that they hold at every look at a campaign.

The usual intervals hold for one look only. If somebody looks daily at a campaign without an effect, one of the looks is
likely to show an effect by chance. Therefore a campaign that may be stopped at any look needs wider intervals.
"""

from __future__ import annotations

import math

# Accepted share of campaigns in which the interval misses the true effect at one look or more.
_ALPHA = 0.05
_RARENESS = -2 * math.log(_ALPHA)


def _tuned() -> float:
    """Return r, the variance of the normal mixture times the planned number of buyers.

    With this variance, the interval is narrowest at the planned number of buyers. r solves r = log(1 + r) - 2
    log(alpha). Waudby-Smith and others write the solution with branch -1 of Lambert's function W.
    """
    found = _RARENESS
    for _ in range(60):
        found = math.log1p(found) + _RARENESS
    return found


_TUNED = _tuned()


def quantile(seen: float, planned: float) -> float:
    """Return the quantile with which the intervals of effects.py hold at all looks in at least 95 % of campaigns.

    `seen` is the number of buyers of both arms so far. The intervals are narrowest if `seen` equals `planned`. For
    other values of `seen`, they still hold, but are wider. Set `planned` before the results are known. Count buyers and
    not customers, because purchases bring information even if no further customer is assigned.

    The formula is an asymptotic confidence sequence with a normal mixture: Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (2021), theorem 2.2. The sequence's boundary comes from Robbins (1970).

    Raises:
        ValueError: The planned number is not above 0.
    """
    if planned <= 0:
        raise ValueError(
            f"{planned} buyers are planned; state how many are expected until the campaign's end, at least 1"
        )
    if seen <= 0:
        return math.inf
    mixed = _TUNED * seen / planned
    return math.sqrt((1 + 1 / mixed) * (math.log1p(mixed) + _RARENESS))


AT_PLAN = quantile(1, 1)
"""The quantile at the planned number of buyers; `planning.Plan` uses it for looks at any time."""
