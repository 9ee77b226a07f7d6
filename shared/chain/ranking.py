"""Which ways to recommend are better than popularity: a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Ranking:
    """How a way to recommend does on the products held out; the gain is over popularity's on the same visitors."""

    method: str
    visitors: int
    recall: float
    ndcg: float
    ndcg_gain: float
    ndcg_gain_error: float
    """Standard error of the gain."""


POPULARITY = "popularity"
# How many standard errors a gain must be above nothing, so that chance alone seldom looks like one.
SURE_GAIN = 2.0


def better_than_popularity(rankings: Sequence[Ranking]) -> list[str]:
    """Return the methods whose NDCG is surely above popularity's and whose recall is not below, the best first.

    A single visitor makes nothing sure: one gain has no standard error.
    """
    popular = next((one.recall for one in rankings if one.method == POPULARITY), 0.0)
    judged = [one for one in rankings if one.visitors > 1 and one.recall >= popular]
    better = [one for one in judged if one.ndcg_gain > SURE_GAIN * one.ndcg_gain_error]
    return [one.method for one in sorted(better, key=lambda one: -one.ndcg)]
