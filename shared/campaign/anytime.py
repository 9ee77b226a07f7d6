"""Widen intervals so that they hold at every look, for campaigns that are watched daily and stopped at a visible gain.

The intervals of docs/judging.md and effects.py hold for one look. If a campaign without an effect is looked at many
times, one look is likely to show an effect by chance.
"""

from __future__ import annotations

import math

_ALPHA = 0.05
# -2 log(alpha). _ALPHA is the accepted share of campaigns whose interval misses the effect at one look or more.
_RARENESS = -2 * math.log(_ALPHA)


def _tuned() -> float:
    """Return the mixture's variance, in units of the plan, for which the interval at the planned size is narrowest.

    It solves r = log(1 + r) - 2 log(alpha); Waudby-Smith and others write it with Lambert's function W of branch -1.
    """
    found = _RARENESS
    for _ in range(60):
        found = math.log1p(found) + _RARENESS
    return found


_TUNED = _tuned()


def quantile(seen: float, planned: float) -> float:
    """Return the quantile for intervals of effects.py that hold at all looks, in at least 95 % of campaigns.

    `seen` is the number of buyers of both arms so far, `planned` the number at which the interval is to be narrowest.
    Count buyers and not customers, because purchases bring information even if no further customer is assigned. The
    plan must not depend on the results. With more or fewer buyers than planned, the intervals hold too, but are wider.

    The formula is the asymptotic confidence sequence with a normal mixture of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (2021), theorem 2.2; its boundary is that of Robbins (1970).

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
