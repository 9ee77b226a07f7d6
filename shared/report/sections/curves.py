"""The section about ranking and calibration: curves of each model, and the calibration of the probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.chain import intervals
from shared.report import axes, words
from shared.report.page import Line, Lines, Section, Spread, Spreads
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.chain.documents import Evaluation, Measured
    from shared.report.material import Answers, Material, Rows

_SPLITS = ("evaluation", "test")
_DIAGONAL = [(0.0, 0.0), (1.0, 1.0)]


class Curve:
    """A model's curves over visitors sorted by probability, the highest first.

    `visitors` and `buyers` are cumulative counts: at each point, of the visitors up to this point. Each list except
    `precision` begins with 0.
    """

    def __init__(self, rows: Rows) -> None:
        self.visitors: list[int] = [0, *(row["visitors"] for row in rows)]
        self.buyers: list[int] = [0, *(row["buyers"] for row in rows)]

    @property
    def chosen(self) -> list[float]:
        """At each point, the visitors up to this point as a share of all visitors."""
        return [one / self.visitors[-1] for one in self.visitors]

    @property
    def recall(self) -> list[float]:
        """At each point, the buyers up to this point as a share of all buyers."""
        return [one / self.buyers[-1] for one in self.buyers]

    @property
    def false_positive_rate(self) -> list[float]:
        """At each point, the share of the visitors without a purchase who are among the visitors up to this point."""
        others = [visitors - buyers for visitors, buyers in zip(self.visitors, self.buyers, strict=True)]
        return [one / others[-1] for one in others]

    @property
    def precision(self) -> list[float]:
        """At each point except the first, the share of buyers among the visitors up to this point."""
        return [buyers / visitors for visitors, buyers in zip(self.visitors[1:], self.buyers[1:], strict=True)]

    @property
    def rate(self) -> float:
        """The share of buyers among all visitors."""
        return self.buyers[-1] / self.visitors[-1]


def asks(material: Material) -> dict[str, Statement]:
    """Return the statements of the curves on both splits, if a model was evaluated."""
    if material.run.documents.evaluation is None:
        return {}
    return {split: Statement("report/curves", {**material.rows_of_run, "split": split}) for split in _SPLITS}


def tell(material: Material, answers: Answers) -> Section | None:
    """Return the section, or None if the run evaluated no model or the rows of its evaluation have expired."""
    evaluation = material.run.documents.evaluation
    if evaluation is None:
        return None
    parts: list[Lines | Spreads] = [
        *_of_split("evaluation", _curves(answers.get("evaluation", [])), evaluation.candidates),
        *_of_split("test", _curves(answers.get("test", [])), evaluation.test),
    ]
    if not parts:
        return None
    parts += [_calibration(name, found) for name, found in evaluation.test.items() if found.calibration]
    sentences = [
        "The visitors are ordered by probability, the most likely buyers first.",
        "A curve has a point for each percent of them. The dotted line is that of a model that knows nothing.",
        *_calibrated(evaluation),
    ]
    return Section("curves", "Ranking and calibration", sentences, parts)


def _calibrated(evaluation: Evaluation) -> list[str]:
    """Return two sentences: how the winner was calibrated, and whether the test visitors confirm the calibration.

    Return no sentences for an evaluation from before calibration was introduced.
    """
    if evaluation.calibration is None:
        return []
    found = evaluation.calibration
    method = f"Calibrator of {words.named(evaluation.winner)}: {found.method}."
    return [method, f"Calibration on the test visitors: {found.judgement}."]


def _curves(rows: Rows) -> dict[str, Curve]:
    """Return the curves of each model. A model is left out if all or none of its visitors bought."""
    by_model: dict[str, Rows] = {}
    for row in rows:
        by_model.setdefault(row["candidate"], []).append(row)
    curves = {name: Curve(found) for name, found in by_model.items()}
    return {name: curve for name, curve in curves.items() if 0 < curve.buyers[-1] < curve.visitors[-1]}


def _of_split(split: str, curves: dict[str, Curve], models: dict[str, Measured]) -> list[Lines]:
    if not curves:
        return []
    on = f"on the {split} visitors"
    rate = next(iter(curves.values())).rate
    of_rate = f"Of all visitors, {words.percent(rate)} bought."
    chosen, found = axes.shares("share of the visitors chosen"), axes.shares("share of the buyers found")
    lifts = {name: _points(one.chosen[1:], [part / rate for part in one.precision]) for name, one in curves.items()}
    return [
        Lines(
            f"ROC curve {on}",
            f"The area below the curve is {_of_each(models, 'roc_auc')}.",
            axes.shares("share of the others chosen"),
            found,
            [Line(words.named(name), _points(one.false_positive_rate, one.recall)) for name, one in curves.items()],
            _DIAGONAL,
        ),
        Lines(
            f"Precision and recall {on}",
            f"The area below the curve is {_of_each(models, 'pr_auc')}. {of_rate}",
            axes.shares("share of the buyers found (recall)"),
            axes.shares("share of buyers among those chosen (precision)", _highest(curves) * 1.05),
            [Line(words.named(name), _points(one.recall[1:], one.precision)) for name, one in curves.items()],
            [(0.0, rate), (1.0, rate)],
        ),
        Lines(
            f"Gains {on}",
            f"Among the most likely 20 % of the visitors are {_gains(models)} of the buyers.",
            chosen,
            found,
            [Line(words.named(name), _points(one.chosen, one.recall)) for name, one in curves.items()],
            _DIAGONAL,
        ),
        Lines(
            f"Lift {on}",
            f"The most likely 10 % bought {_of_each(models, 'lift_at_10_percent')} times as often as all visitors.",
            chosen,
            axes.amounts("lift", max(lift for points in lifts.values() for _, lift in points) * 1.05),
            [Line(words.named(name), points) for name, points in lifts.items()],
            [(0.0, 1.0), (1.0, 1.0)],
        ),
    ]


def _highest(curves: dict[str, Curve]) -> float:
    return max(max(one.precision) for one in curves.values())


def _points(across: list[float], up: list[float]) -> list[tuple[float, float]]:
    return list(zip(across, up, strict=True))


def _of_each(models: dict[str, Measured], metric: str) -> str:
    return words.listed(f"{words.metric(metric, one)} ({words.named(name)})" for name, one in models.items())


def _gains(models: dict[str, Measured]) -> str:
    found = {name: one.lift_at_20_percent for name, one in models.items() if one.lift_at_20_percent is not None}
    return words.listed(f"{words.percent(0.2 * lift)} ({words.named(name)})" for name, lift in found.items())


def _calibration(name: str, found: Measured) -> Spreads:
    """Return a figure with the share of buyers in each tenth of the visitors, beside the tenth's mean probability."""
    spreads, marks = [], []
    for one in found.calibration:
        observed, predicted = one.observed or 0.0, one.predicted or 0.0
        lower, upper = intervals.share_interval(observed * one.visitors, one.visitors)
        text = f"{words.percent(observed)} bought, {words.percent(predicted)} predicted"
        spreads.append(Spread(f"tenth {one.decile}", observed, lower, upper, text))
        marks.append(predicted)
    within = sum(spread.lower <= mark <= spread.upper for spread, mark in zip(spreads, marks, strict=True))
    expected, came = words.decimal(found.expected_positives, 1), words.count(found.positives)
    said = (
        f"{words.begun(words.named(name))} expected {expected} buyers among the test visitors, and {came} came. In "
        f"{within} of {len(spreads)} tenths, the mean probability lies within the interval of the share that bought."
    )
    high = max(*marks, *(spread.upper for spread in spreads)) * 1.02
    legend = ("share that bought, with 95 % interval", "mean probability")
    axis = axes.shares("share of buyers", high)
    return Spreads(f"Calibration of {words.named(name)} by tenths", said, axis, spreads, marks, legend)
