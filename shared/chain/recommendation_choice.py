"""Choose the recommendation methods that are better than popularity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Ranking:
    """The metrics of a recommendation method on the held-out products.

    `ndcg_gain` is the method's mean NDCG minus that of the method `popularity`, on the same
    visitors.
    """

    method: str
    visitors: int
    recall: float
    ndcg: float
    ndcg_gain: float
    ndcg_gain_error: float
    """Standard error of the gain."""


POPULARITY = "popularity"
# Minimum gain over popularity, in standard errors of the gain. A larger gain is rarely due to chance.
SURE_GAIN = 2.0


def better_than_popularity(rankings: Sequence[Ranking]) -> list[str]:
    """Return the methods that beat popularity, the best first.

    Their NDCG is significantly higher than popularity's, and their recall is not lower. With a single visitor no method
    qualifies, because one visitor's difference has no standard error.
    """
    popular = next((one.recall for one in rankings if one.method == POPULARITY), 0.0)
    judged = [one for one in rankings if one.visitors > 1 and one.recall >= popular]
    better = [one for one in judged if one.ndcg_gain > SURE_GAIN * one.ndcg_gain_error]
    return [one.method for one in sorted(better, key=lambda one: -one.ndcg)]
