"""Fit a calibrator and judge whether probabilities are calibrated: pure functions of the rows of sql/evaluation.

docs/judging.md gives the rules with their sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean, variance
from typing import TYPE_CHECKING, NamedTuple

from shared.calibration import IDENTITY, Calibrator, log_odds, sigmoid
from shared.chain.intervals import Estimate, more_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Number of bins per fold in sql/evaluation/calibration_points.sql. Two calibrators, one fitted to 200 bins and one to
# the single rows, give probabilities that differ by less than 0.3 %.
BINS = 200
# Minimum number of buyers for isotonic regression. With fewer buyers it overfits (Niculescu-Mizil and Caruana 2005).
ISOTONIC_BUYERS = 1000
# Maximum number of knots of an isotonic calibrator.
MOST_KNOTS = 50
# Number of digits to which a calibrator's numbers are rounded, because the last digits of a sum of floats differ
# between executions.
DIGITS = 6
_MOST_STEPS = 100


class Point(NamedTuple):
    """A row of sql/evaluation/calibration_points.sql: the visitors of one bin and fold with the same `label`.

    `log_odds` is the mean of their log odds, and `row_count` their number.
    """

    fold: int
    label: int
    log_odds: float
    row_count: int


class Coefficients(NamedTuple):
    """A line on the log odds: `intercept + slope * log odds`."""

    intercept: float
    slope: float


@dataclass(frozen=True)
class Fitted:
    """A calibrator. `method` is a text that says how it was fitted, or why none was fitted."""

    calibrator: Calibrator
    method: str


@dataclass(frozen=True)
class Sums:
    """The row of sql/evaluation/calibration.sql. A sum over no visitors is None."""

    visitors: int
    visitors_with_buyers: int
    observed: float
    expected: float
    ratio_squares: float | None
    ratio_cubes: float | None
    residual_squares: float | None
    products: float | None
    tilt_squares: float | None
    information: float | None
    information_mixed: float | None
    information_of_slope: float | None


def fit(points: Sequence[Point], min_positives: int) -> Fitted:
    """Return an isotonic calibrator if it is shown to be better than Platt's calibrator; otherwise Platt's.

    Isotonic regression is tried if there are at least ISOTONIC_BUYERS buyers. Cross-fitting compares the two
    calibrators. Return the identity if there are fewer than `min_positives` buyers, or if the fit fails or reverses the
    ranking.
    """
    line = platt(points)
    if line is None:
        return Fitted(IDENTITY, "none, because all evaluation visitors have the same probability, or there are none")
    if why := _objection(points, line, min_positives):
        return Fitted(IDENTITY, f"none, because {why}")
    buyers = _buyers(points)
    by_platt = f"Platt on {buyers} buyers, slope {line.slope:.2f} and intercept {line.intercept:.2f}"
    if buyers < ISOTONIC_BUYERS:
        return Fitted(_straight(line), by_platt)
    gain = _cross_fitted_gain(points)
    if gain is None or gain.lower <= 0:
        return Fitted(_straight(line), by_platt)
    calibrator = _isotonic(points, line)
    knots = len(calibrator.knots)
    return Fitted(calibrator, f"isotonic on {buyers} buyers, {knots} knots; its cross-fitted log loss is below Platt's")


def _objection(points: Sequence[Point], line: Coefficients, min_positives: int) -> str | None:
    """Return the reason why Platt's `line` cannot be used as a calibrator; None if `line` can be used."""
    buyers = _buyers(points)
    if buyers in (0, sum(point.row_count for point in points)):
        return "the evaluation visitors are all buyers or all none"
    if buyers < min_positives:
        return f"only {buyers} evaluation visitors bought, and {min_positives} are needed (gate.min_positives)"
    if round(line.slope, DIGITS) <= 0:
        return f"its slope would be {line.slope:.2f} and turn the ranking round"
    return None


def _buyers(points: Iterable[Point]) -> int:
    return sum(point.row_count for point in points if point.label)


def platt(points: Sequence[Point]) -> Coefficients | None:
    """Return Platt's line: a logistic regression on slightly smoothed outcomes.

    As in Platt (1999), the outcome is slightly below 1 for buyers and slightly above 0 for others, which prevents
    overfitting.
    """
    buyers = _buyers(points)
    others = sum(point.row_count for point in points) - buyers
    return regression(points, 1 / (others + 2), (buyers + 1) / (buyers + 2))


def regression(points: Sequence[Point], of_others: float = 0.0, of_buyers: float = 1.0) -> Coefficients | None:
    """Return the logistic regression of the outcome on the log odds; None if it has no solution.

    The outcome of a buyer is `of_buyers`, and the outcome of another visitor is `of_others`. There is no solution if
    there are no points, if all log odds are equal, or if a threshold separates buyers from others perfectly.
    """
    if not points:
        return None
    total = sum(point.row_count for point in points)
    centre = sum(point.row_count * point.log_odds for point in points) / total
    rows = [(point.log_odds - centre, point.row_count, of_buyers if point.label else of_others) for point in points]
    base = log_odds(sum(count * target for _, count, target in rows) / total)
    line, likelihood = Coefficients(base, 0.0), _likelihood(rows, Coefficients(base, 0.0))
    for _ in range(_MOST_STEPS):
        step = _newton_step(rows, line)
        if step is None:
            return None
        if max(abs(step.intercept), abs(step.slope)) < 1e-9:
            return Coefficients(line.intercept - line.slope * centre, line.slope)
        further = Coefficients(line.intercept + step.intercept, line.slope + step.slope)
        # If buyers are rare, a Newton step may be too long. So halve the step until the likelihood does not fall.
        while (found := _likelihood(rows, further)) < likelihood - 1e-9 * abs(likelihood):
            further = Coefficients(
                (line.intercept + further.intercept) / 2,
                (line.slope + further.slope) / 2,
            )
        line, likelihood = further, found
    return None


def _likelihood(rows: Iterable[tuple[float, int, float]], line: Coefficients) -> float:
    total = 0.0
    for x, count, target in rows:
        z = line.intercept + line.slope * x
        total += count * (target * z - (max(z, 0.0) + math.log1p(math.exp(-abs(z)))))
    return total


def _newton_step(rows: Iterable[tuple[float, int, float]], line: Coefficients) -> Coefficients | None:
    residual = tilt = information = mixed = of_slope = 0.0
    for x, count, target in rows:
        probability = sigmoid(line.intercept + line.slope * x)
        missed, weight = count * (target - probability), count * probability * (1 - probability)
        residual += missed
        tilt += missed * x
        information += weight
        mixed += weight * x
        of_slope += weight * x * x
    determinant = information * of_slope - mixed * mixed
    if determinant <= 1e-12 * information**2:
        return None
    return Coefficients(
        (of_slope * residual - mixed * tilt) / determinant, (information * tilt - mixed * residual) / determinant
    )


def _cross_fitted_gain(points: Sequence[Point]) -> Estimate | None:
    """Return how much lower the log loss of an isotonic calibrator is than Platt's, as a mean over held-out folds.

    For each held-out fold, both calibrators are fitted to the other folds. Return None if there is only one fold, or if
    Platt's calibrator cannot be fitted or would reverse the ranking.
    """
    gains = []
    for fold in {point.fold for point in points}:
        others = [point for point in points if point.fold != fold]
        line = platt(others)
        if line is None or round(line.slope, DIGITS) <= 0:
            return None
        held_out = [point for point in points if point.fold == fold]
        gains.append(log_loss(held_out, _straight(line)) - log_loss(held_out, _isotonic(others, line)))
    return Estimate(fmean(gains), variance(gains) / len(gains)) if len(gains) > 1 else None


def log_loss(points: Sequence[Point], calibrator: Calibrator) -> float:
    """Return the mean log loss of the points' visitors, with probabilities that `calibrator` has corrected."""
    loss = 0.0
    for point in points:
        probability = calibrator.apply(sigmoid(point.log_odds))
        loss -= point.row_count * math.log(probability if point.label else 1 - probability)
    return loss / sum(point.row_count for point in points)


def _straight(line: Coefficients) -> Calibrator:
    return Calibrator(round(line.slope, DIGITS), ((0.0, round(line.intercept, DIGITS)),))


@dataclass(frozen=True)
class _Block:
    """Neighbouring points, pooled: their visitors, their buyers, and the number of buyers that the model expects."""

    row_count: int
    buyers: int
    expected: float

    def __add__(self, other: _Block) -> _Block:
        return _Block(self.row_count + other.row_count, self.buyers + other.buyers, self.expected + other.expected)

    @property
    def rate(self) -> float:
        return self.buyers / self.row_count

    @property
    def rarer(self) -> int:
        return min(self.buyers, self.row_count - self.buyers)


def _isotonic(points: Sequence[Point], line: Coefficients) -> Calibrator:
    """Return a calibrator by isotonic regression. Each block becomes a knot, and lines connect the knots.

    The step function of isotonic regression would give all visitors of a block the same probability, and so change the
    ranking. A knot's x is the log odds of the model's mean probability in the block. The knot's y is the log odds of
    the block's share of buyers. Outside the knots, the calibrator has the slope of Platt's `line`.
    """
    blocks = _large(pooled(points))
    knots: list[tuple[float, float]] = []
    for block in blocks:
        knot = (round(log_odds(block.expected / block.row_count), DIGITS), round(log_odds(block.rate), DIGITS))
        if not knots or (knot[0] > knots[-1][0] and knot[1] > knots[-1][1]):
            knots.append(knot)
    return Calibrator(round(line.slope, DIGITS), tuple(knots))


def pooled(points: Sequence[Point]) -> list[_Block]:
    """Return the blocks of isotonic regression, by the pool-adjacent-violators algorithm (Ayer and others 1955)."""
    blocks: list[_Block] = []
    ordered = sorted(points, key=lambda point: point.log_odds)
    for value, same in groupby(ordered, key=lambda point: point.log_odds):
        at_value = list(same)
        count = sum(point.row_count for point in at_value)
        block = _Block(count, sum(point.row_count for point in at_value if point.label), count * sigmoid(value))
        while blocks and blocks[-1].rate >= block.rate:
            block = blocks.pop() + block
        blocks.append(block)
    return blocks


def _large(blocks: Sequence[_Block]) -> list[_Block]:
    """Merge neighbouring blocks if a block has too few visitors of one outcome for a reliable share of buyers.

    Let n be min(total buyers, total others) / MOST_KNOTS. Each returned block has at least n buyers and at least n
    others.
    """
    least = sum(blocks[1:], blocks[0]).rarer / MOST_KNOTS
    large = [blocks[0]]
    for block in blocks[1:]:
        if large[-1].rarer < least:
            large[-1] += block
        else:
            large.append(block)
    if len(large) > 1 and large[-1].rarer < least:
        large[-2:] = [large[-2] + large[-1]]
    return large


def slope(sums: Sums, line: Coefficients) -> Estimate:
    """Return the calibration slope (Cox 1958) with its sandwich variance.

    The variance is clustered by visitor (Liang and Zeger 1986). `line` is the regression on the calibrated log odds.
    """
    values = (sums.information, sums.information_mixed, sums.information_of_slope)
    information, mixed, of_slope = (value or 0.0 for value in values)
    determinant = information * of_slope - mixed**2
    # Buyers are the rarer outcome, so their number limits the degrees of freedom. The two coefficients use two of them.
    freedom = sums.visitors_with_buyers - 2
    if determinant <= 0 or freedom <= 0:
        return Estimate(line.slope, math.inf)
    squares = (
        mixed**2 * (sums.residual_squares or 0.0)
        - 2 * mixed * information * (sums.products or 0.0)
        + information**2 * (sums.tilt_squares or 0.0)
    )
    return Estimate(line.slope, squares / determinant**2 * sums.visitors_with_buyers / freedom)


def observed_over_expected(sums: Sums) -> Estimate | None:
    """Return the number of buyers divided by the sum of the probabilities; None if either is 0."""
    if not sums.observed or not sums.expected:
        return None
    squares = (sums.ratio_squares or 0.0) / sums.expected**2
    variance = squares * sums.visitors / (sums.visitors - 1) if sums.visitors > 1 else math.inf
    return Estimate(sums.observed / sums.expected, variance, (sums.ratio_cubes or 0.0) / sums.expected**3)


def judge(slope: Estimate | None, ratio: Estimate | None, buyers: int, tolerance: float) -> str:
    """Say whether the probabilities are shown to be calibrated, shown to be off (and by how much), or neither.

    `ratio` is observed over expected buyers. `slope` or `ratio` is None if it could not be estimated. A tolerance of
    1.25 means that `slope` and `ratio` must be between 0.8 and 1.25.
    """
    within = f"within {1 / tolerance:.2g} to {tolerance:.3g}"
    if slope is None or ratio is None:
        return "not shown: the test visitors are all buyers or all none, or a threshold separates them without fail"
    measured = f"slope {_text(slope)}, observed over expected {_text(ratio)}"
    if _is_within(slope, tolerance) and _is_within(ratio, tolerance):
        return f"calibrated: {measured}, both {within}"
    if faults := [*_fault_of_ratio(ratio, tolerance), *_fault_of_slope(slope, tolerance)]:
        return f"off: {' and '.join(faults)}; {measured}"
    more = [_more_needed(one, buyers, tolerance) for one in (slope, ratio) if not _is_within(one, tolerance)]
    known = [one for one in more if one is not None]
    remedy = f"; about {max(known)} more buyers among the test visitors would do" if len(known) == len(more) else ""
    return f"not shown: {measured}, to be {within} (gate.calibration_tolerance){remedy}"


def _is_within(estimate: Estimate, tolerance: float) -> bool:
    return estimate.lower >= 1 / tolerance and estimate.upper <= tolerance


def _is_off(estimate: Estimate, tolerance: float) -> bool:
    return not _is_within(estimate, tolerance) and not estimate.lower <= 1 <= estimate.upper


def _fault_of_ratio(ratio: Estimate, tolerance: float) -> list[str]:
    if not _is_off(ratio, tolerance):
        return []
    too_many = ratio.value < 1
    times = 1 / ratio.value if too_many else ratio.value
    return [f"predicts {times:.2g} times too {'many' if too_many else 'few'} buyers"]


def _fault_of_slope(slope: Estimate, tolerance: float) -> list[str]:
    if not _is_off(slope, tolerance):
        return []
    if slope.value >= 1:
        return [f"is too timid, with log odds {slope.value:.2g} times too close together"]
    how_far = f"{1 / slope.value:.2g} times too far apart" if slope.value > 0 else "the wrong way round"
    return [f"is overconfident, with log odds {how_far}"]


def _more_needed(estimate: Estimate, buyers: int, tolerance: float) -> int | None:
    """Return how many more buyers would bring the interval of `estimate` between 1 / tolerance and `tolerance`.

    Everything but the number of buyers is assumed to stay the same. Return None if no realistic number of buyers would
    suffice.
    """
    above = Estimate(estimate.value - tolerance, estimate.variance, estimate.third)
    below = Estimate(1 / tolerance - estimate.value, estimate.variance, -estimate.third)
    needed = [more_needed(one, buyers) for one in (above, below) if one.upper > 0]
    known = [one for one in needed if one is not None]
    return max(known) if len(known) == len(needed) else None


def _text(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.lower:.2f} to {estimate.upper:.2f})"
