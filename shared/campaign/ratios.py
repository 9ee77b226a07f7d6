"""Check that the arms have their declared sizes: a sample-ratio mismatch shows that the arms are not comparable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# If the p-value is below this threshold, the sizes are a mismatch (Fabijan and others 2019). The threshold is far below
# 5 %, because the check runs daily.
THRESHOLD = 0.001
# Smallest expected number of customers in an arm for which the chi-square distribution holds (Cochran 1954).
_FEWEST = 5


@dataclass(frozen=True)
class Sizes:
    """The observed and the expected number of customers of each arm, and the p-value of their difference.

    The p-value is None if the smallest arm is expected to have fewer than five customers.
    """

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float | None

    @property
    def is_mismatch(self) -> bool:
        """Whether chance does not explain the sizes; False if there are too few customers to check the sizes."""
        return self.p_value is not None and self.p_value < THRESHOLD

    @property
    def sentence(self) -> str:
        """The result in one or two sentences, for people."""
        found = ", ".join(f"{arm} {count:,} (expected {self.expected[arm]:,.0f})" for arm, count in self.counts.items())
        if self.p_value is None:
            return f"Too few customers to check the sizes of the arms: {found}."
        if not self.is_mismatch:
            return (
                f"The arms have the declared sizes: {found}. Chance explains the difference (p = {self.p_value:.2g})."
            )
        return (
            f"The arms do not have the declared sizes: {found}. Chance makes such a difference in fewer than 1 of "
            f"1,000 campaigns (p = {self.p_value:.1g}). Do not use this campaign's effects until you know which "
            "customers are missing, and why."
        )


def check(counts: Mapping[str, int], shares: Mapping[str, float]) -> Sizes:
    """Compare the arms' numbers of customers with the declared shares by the chi-square test (Pearson 1900).

    The shares need not sum to 1, so an arm may be left out of both mappings. An arm with share 0 is not part of the
    test. Any customer in such an arm is a mismatch.

    Raises:
        ValueError: An arm is in only one of the mappings, or fewer than two arms have a share above 0.
    """
    if counts.keys() != shares.keys():
        raise ValueError(
            f"the arms {sorted(counts)} are not those with a declared share, {sorted(shares)}; name the same"
        )
    declared = {arm: share for arm, share in shares.items() if share > 0}
    if len(declared) < 2:
        raise ValueError(f"only {sorted(declared)} has a declared share above 0; two arms are needed to compare sizes")
    total, whole = sum(counts.values()), sum(declared.values())
    expected = {arm: total * declared.get(arm, 0.0) / whole for arm in shares}
    if any(counts[arm] for arm in counts.keys() - declared.keys()):
        return Sizes(counts, expected, 0.0)
    if min(expected[arm] for arm in declared) < _FEWEST:
        return Sizes(counts, expected, None)
    statistic = sum((counts[arm] - expected[arm]) ** 2 / expected[arm] for arm in declared)
    return Sizes(counts, expected, chi_square_tail(statistic, len(declared) - 1))


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return P(chi-square variable > `statistic`): Abramowitz and Stegun (1964), 26.4.4 and 26.4.5."""
    half = statistic / 2
    if freedom % 2:
        tail, term = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    else:
        tail, term = math.exp(-half), math.exp(-half) * half
    for degree in range(freedom % 2 or 2, freedom, 2):
        tail += term
        term *= half / (degree / 2 + 1)
    return tail
