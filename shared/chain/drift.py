"""Decide which features have drifted, from the rows of sql/monitoring/feature_shift.sql: pure functions.

docs/drift.md gives the reasons and the results of simulations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The feature name of the row about the model's score in sql/monitoring/feature_shift.sql.
SCORE = "score"

_TINY = 1e-300
_PRECISION = 1e-15
_MOST_TERMS = 10_000


@dataclass(frozen=True)
class Limits:
    """The conditions under which a difference counts as drift.

    min_visitors: minimum number of first visits in each period
    min_difference: the smallest difference that matters, as a share of the visitors
    false_alarms: accepted share of days with an alarm, among days without drift
    """

    min_visitors: int = 500
    min_difference: float = 0.05
    false_alarms: float = 0.01


@dataclass(frozen=True)
class Shift:
    """A row of sql/monitoring/feature_shift.sql: a feature in the earlier period ("base") and in the later period.

    difference: the largest difference of a category's share, or of a number's cumulative share, 0 to 1
    jensen_shannon: the divergence of the shares in bits, 0 to 1
    mean_difference: in standard deviations; None for a category, and for a number that does not vary
    chi_square, degrees: from the test that the shares of both periods are equal
    base_chi_square, base_degrees: from the same test between days of the earlier period that have the same weekday
    """

    feature: str
    base_visitors: int
    visitors: int
    difference: float | None
    jensen_shannon: float | None
    mean_difference: float | None
    chi_square: float | None
    degrees: int
    base_chi_square: float | None
    base_degrees: int


@dataclass(frozen=True)
class Judged:
    """A feature's shift, its p-value (`probability`), and whether the feature has drifted."""

    shift: Shift
    probability: float
    has_drifted: bool


def judge(shifts: Iterable[Shift], limits: Limits | None = None) -> list[Judged]:
    """Judge each feature; return the results in ascending order of the p-value.

    A feature has drifted if the difference is large enough to matter and statistically significant. The method of
    Benjamini and Hochberg (1995) limits the false alarms over all features. The model's score is tested separately.
    """
    limits, found = limits or Limits(), list(shifts)
    judged = [
        *_judged([one for one in found if one.feature != SCORE], limits),
        *_judged([one for one in found if one.feature == SCORE], limits),
    ]
    return sorted(judged, key=lambda one: one.probability)


def _judged(shifts: list[Shift], limits: Limits) -> list[Judged]:
    found = sorted(((probability(shift), shift) for shift in shifts), key=lambda one: one[0])
    passing = [p <= limits.false_alarms * rank / len(found) for rank, (p, _) in enumerate(found, 1)]
    last = max((rank for rank, passes in enumerate(passing, 1) if passes), default=0)
    return [Judged(shift, p, rank <= last and _matters(shift, limits)) for rank, (p, shift) in enumerate(found, 1)]


def _matters(shift: Shift, limits: Limits) -> bool:
    fewest = min(shift.base_visitors, shift.visitors)
    return fewest >= limits.min_visitors and (shift.difference or 0.0) >= limits.min_difference


def probability(shift: Shift) -> float:
    """Return the p-value: the probability that the periods' shares differ at least this much if there is no drift.

    Days differ by more than chance if visitors come in groups, for example from a campaign. `base_chi_square` measures
    this variation. So `chi_square / degrees` is divided by `base_chi_square / base_degrees`, but by at least 1, as Rao
    and Scott (1981) do for clusters. The quotient has an F distribution. If either test has no degrees of freedom, the
    p-value is 1.
    """
    if not shift.degrees or not shift.base_degrees or shift.chi_square is None or shift.base_chi_square is None:
        return 1.0
    usual = max(shift.base_chi_square / shift.base_degrees, 1.0)
    return upper_tail_of_f(shift.chi_square / shift.degrees / usual, shift.degrees, shift.base_degrees)


def upper_tail_of_f(value: float, degrees: int, other_degrees: int) -> float:
    """Return the probability that a variable with an F distribution is at least `value`.

    Source: Press and others, Numerical Recipes (2007), 6.14.10.
    """
    if value <= 0:
        return 1.0
    total = degrees * value + other_degrees
    return _incomplete_beta(other_degrees / total, degrees * value / total, other_degrees / 2, degrees / 2)


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b). `rest` is 1 - x, passed separately for precision.

    Source: NIST Digital Library of Mathematical Functions, formula 8.17.22. Where this continued fraction converges
    slowly, formula 8.17.4 is applied first: I_x(a, b) = 1 - I_(1-x)(b, a).
    """
    if x <= 0 or rest <= 0:
        return float(rest <= 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(rest, x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    factor = math.exp(a * math.log(x) + b * math.log(rest) - log_beta) / a
    # The continued fraction by the method of Lentz, as modified by Thompson and Barnett (1986).
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < _PRECISION:
            return factor * result
    raise ArithmeticError(f"the incomplete beta function of {x}, {a} and {b} does not converge")


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
