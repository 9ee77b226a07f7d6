"""A calibrator corrects a model's probabilities so that they agree with the observed share of buyers.

shared/chain/calibration.py fits the calibrator. `Calibrator.apply` corrects the answers of the embedded scorer and of
the endpoint. sql/scoring/scores.sql and the other statements that predict use the same arithmetic.
"""

import math
from bisect import bisect_right
from functools import cached_property
from itertools import pairwise
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

# Probabilities of 0 and 1 have infinite log odds, so they are clipped to this value and 1 minus this value. The
# statements of sql/evaluation clip at the same values.
SMALLEST = 1e-15
# Largest absolute value of calibrated log odds. The limit keeps calibrated probabilities away from 0 and 1. It also
# prevents an overflow in BigQuery's EXP, which would be an error.
LARGEST_LOG_ODDS = 35.0
# The `start` of a calibrator's first line. It is lower than the log odds of every clipped probability.
LOWEST = -1000.0


class Line(NamedTuple):
    """A part of a calibrator: a line that applies to the model's log odds from `start` up to the next line's `start`.

    The calibrated log odds are `intercept + slope * (the model's log odds)`.
    """

    start: float
    intercept: float
    slope: float


class Calibrator(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """An increasing function of a model's log odds. An increasing function does not change the visitors' ranking.

    `knots` are points (log odds, calibrated log odds), joined by lines. Outside the knots the lines continue with
    `slope`. A Platt calibrator has one knot, at log odds 0. An isotonic calibrator has several knots.
    """

    slope: Annotated[float, Meta(gt=0)] = 1.0
    knots: Annotated[tuple[tuple[float, float], ...], Meta(min_length=1)] = ((0.0, 0.0),)

    def __post_init__(self) -> None:
        for (before, low), (after, high) in pairwise(self.knots):
            if not (before < after and low < high):
                raise ValueError("each knot must be higher than the one before, in both numbers")

    def apply(self, probability: float) -> float:
        """Return the calibrated probability for the model's `probability`; both are from 0 to 1."""
        if self == IDENTITY:
            return probability
        model_log_odds = log_odds(probability)
        line = self.lines[bisect_right(self.lines, model_log_odds, key=lambda line: line.start) - 1]
        calibrated = line.intercept + line.slope * model_log_odds
        return sigmoid(min(max(calibrated, -LARGEST_LOG_ODDS), LARGEST_LOG_ODDS))

    def after(self, shift: float) -> "Calibrator":
        """Return the calibrator that adds `shift` to the model's log odds, and then applies this calibrator."""
        return Calibrator(self.slope, tuple((before - shift, after) for before, after in self.knots))

    @cached_property
    def lines(self) -> list[Line]:
        """The lines below, between and above the knots, in ascending order of `start`.

        With one knot, there is a single line.
        """
        slopes = [(high - low) / (after - before) for (before, low), (after, high) in pairwise(self.knots)]
        through = [(LOWEST, self.slope, self.knots[0])]
        through += [(knot[0], slope, knot) for knot, slope in zip(self.knots, slopes, strict=False)]
        if slopes:
            through.append((self.knots[-1][0], self.slope, self.knots[-1]))
        return [Line(start, y - slope * x, slope) for start, slope, (x, y) in through]

    @property
    def parameters(self) -> dict[str, list[float]]:
        """The lines as query parameters, with the names that the statements of sql/ use."""
        return {
            "line_starts": [line.start for line in self.lines],
            "intercepts": [line.intercept for line in self.lines],
            "slopes": [line.slope for line in self.lines],
        }


# The calibrator that changes nothing.
IDENTITY = Calibrator()


def log_odds(probability: float) -> float:
    """Return the log odds of a probability. The probability is clipped first, so that the log odds are finite."""
    clipped = min(max(probability, SMALLEST), 1 - SMALLEST)
    return math.log(clipped / (1 - clipped))


def sigmoid(log_odds: float) -> float:
    """Return the probability that has these log odds; the inverse of `log_odds`."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)
