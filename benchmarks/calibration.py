"""Test on simulated visitors whether shared/chain/calibration.py keeps the promises of docs/judging.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize

from benchmarks.intervals import BUYERS, KNOWN, RUNS, SEED, Visitors, champion, labels_of, logistic, share
from benchmarks.measure import Row, say
from shared.chain import calibration
from shared.settings import Gate

if TYPE_CHECKING:
    from benchmarks.intervals import Array, Model
    from shared.chain.calibration import Coefficients, Point, Sums

TOLERANCE = Gate().calibration_tolerance
# Number of visitors on whom the change of the log loss by a calibrator is measured. The log loss is computed with the
# visitors' true probabilities instead of random labels.
UNSEEN = 200_000


def measure(is_full: bool) -> list[Row]:
    """Measure how well calibration is judged and corrected.

    The rows show three numbers. The first is the share of intervals that miss the true value. The second is the share
    of models that are called calibrated. The third is the change of the log loss by calibrators.
    """
    random = np.random.default_rng(SEED)
    known = Visitors.draw(KNOWN, random)
    right, unseen = _mended(known, 1.0), Visitors.draw(UNSEEN, random)
    models = {
        "right": right,
        "overconfident by the tolerance": _mended(known, 1 / TOLERANCE),
        "of 1.5 times too many buyers": lambda visitors: _moved(right(visitors), np.log(1.5)),
    }
    runs = RUNS if is_full else RUNS // 5
    return [
        row
        for buyers in BUYERS
        for row in [
            *_judged(models, buyers, round(buyers / known.true.mean()), runs, random),
            *_fitted(models, buyers, round(buyers / known.true.mean()), runs // 10, unseen, random),
        ]
    ]


def _judged(models: dict[str, Model], buyers: int, count: int, runs: int, random: np.random.Generator) -> list[Row]:
    say(f"  {runs} judgements of {buyers} buyers")
    missed = {"slope": 0, "observed over expected": 0}
    said = dict.fromkeys(models, 0)
    for _ in range(runs):
        visitors = Visitors.draw(count, random)
        labels = labels_of(visitors, random)
        for name, model in models.items():
            judgement, intervals = _judgement(labels, log_odds(model(visitors)))
            said[name] += judgement.startswith("calibrated")
            if name == "right":
                for of, (lower, upper) in zip(missed, intervals, strict=True):
                    missed[of] += not lower <= 1 <= upper
    rows = [share(f"95 % intervals of {of} that miss, {buyers} buyers", missed[of], runs) for of in missed]
    # There is no limit for the correct model, which may be called calibrated in every run. A model that is wrong by the
    # tolerance may be called calibrated in at most 2.5 % of the runs.
    rows.append(Row(f"called calibrated, right, {buyers} buyers", 100 * said.pop("right") / runs, "%"))
    rows += [
        share(f"called calibrated, {name}, {buyers} buyers", count, runs, nominal=0.025) for name, count in said.items()
    ]
    return rows


def _judgement(labels: Array, odds: Array) -> tuple[str, list[tuple[float, float]]]:
    line = calibration.regression(points(labels, odds))
    if line is None:
        return calibration.judge(None, None, int(labels.sum()), TOLERANCE), [(-np.inf, np.inf)] * 2
    found = sums(labels, odds, line)
    slope, ratio = calibration.slope(found, line), calibration.observed_over_expected(found)
    told = [(-np.inf, np.inf) if one is None else (one.lower, one.upper) for one in (slope, ratio)]
    return calibration.judge(slope, ratio, int(labels.sum()), TOLERANCE), told


def _fitted(
    models: dict[str, Model], buyers: int, count: int, runs: int, unseen: Visitors, random: np.random.Generator
) -> list[Row]:
    """Return by how many percent Platt's calibrator changes each model's log loss on the visitors `unseen`."""
    say(f"  {runs} calibrators of {buyers} buyers")
    losses: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(runs):
        visitors = Visitors.draw(count, random)
        labels = labels_of(visitors, random)
        for name, model in models.items():
            line = calibration.platt(points(labels, log_odds(model(visitors))))
            if line is None:
                raise AssertionError("nobody bought, or everybody")
            bare = model(unseen)
            mended = logistic(line.intercept + line.slope * log_odds(bare))
            losses[name].append(100 * _log_loss(mended, unseen.true) / _log_loss(bare, unseen.true) - 100)
    return [
        Row(f"log loss by Platt's calibrator against none, {name}, {buyers} buyers", float(np.mean(found)), "%")
        for name, found in losses.items()
    ]


def _mended(known: Visitors, slope: float) -> Model:
    """Return the champion's model, with its log odds changed.

    With the changed log odds, the calibration slope is `slope`, and the ratio of observed to expected buyers is 1.
    """
    odds = log_odds(champion(known))
    line = _best_line(odds, known.true)
    expected = float(known.true.sum())
    moved = optimize.brentq(
        lambda by: logistic(by + line.slope / slope * (odds - odds.mean())).sum() - expected, -20, 5, xtol=1e-9
    )
    intercept, factor, centre = float(moved), line.slope / slope, float(odds.mean())
    return lambda visitors: logistic(intercept + factor * (log_odds(champion(visitors)) - centre))


def _best_line(odds: Array, true: Array) -> Coefficients:
    """Return the logistic regression of purchases on log odds, with true probabilities instead of random labels."""
    order = np.argsort(odds)
    bins = np.array_split(order, 1000)
    made = [
        calibration.Point(0, label, float(np.average(odds[bin_], weights=weight)), float(weight.sum()))  # type: ignore[arg-type]
        for bin_ in bins
        for label, weight in ((1, true[bin_]), (0, 1 - true[bin_]))
    ]
    line = calibration.regression(made)
    if line is None:
        raise AssertionError("there is no line")
    return line


def log_odds(said: Array) -> Array:
    """Return the log odds of probabilities."""
    return np.log(said / (1 - said))


def _moved(said: Array, by: float) -> Array:
    return logistic(log_odds(said) + by)


def _log_loss(said: Array, true: Array) -> float:
    return float(-np.mean(true * np.log(said) + (1 - true) * np.log(1 - said)))


def points(labels: Array, odds: Array) -> list[Point]:
    """Compute the rows that sql/evaluation/calibration_points.sql returns. All visitors are in one fold."""
    order = np.argsort(odds)
    odds, labels, said = odds[order], labels[order], logistic(odds[order])
    bins = np.ceil(calibration.BINS * np.cumsum(said) / said.sum()).astype(int)
    made = []
    for label in (0, 1):
        of = labels == label
        counts, totals = np.bincount(bins[of]), np.bincount(bins[of], odds[of])
        made += [
            calibration.Point(0, label, float(total / count), int(count))
            for count, total in zip(counts, totals, strict=True)
            if count
        ]
    return sorted(made, key=lambda point: (point.log_odds, point.label))


def sums(labels: Array, odds: Array, line: Coefficients) -> Sums:
    """Compute the row that sql/evaluation/calibration.sql returns, if each visitor has one row."""
    said, by_line = logistic(odds), logistic(line.intercept + line.slope * odds)
    residual, weight = labels - by_line, by_line * (1 - by_line)
    moved = labels - said * labels.sum() / said.sum()
    totals = {
        "observed": labels,
        "expected": said,
        "ratio_squares": moved**2,
        "ratio_cubes": moved**3,
        "residual_squares": residual**2,
        "products": residual**2 * odds,
        "tilt_squares": (residual * odds) ** 2,
        "information": weight,
        "information_mixed": weight * odds,
        "information_of_slope": weight * odds**2,
    }
    summed: dict[str, Any] = {name: float(values.sum()) for name, values in totals.items()}
    return calibration.Sums(visitors=len(labels), visitors_with_buyers=int(labels.sum()), **summed)
