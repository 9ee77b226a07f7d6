"""The section about candidates and champions: metrics with intervals on the same visitors, choice, and verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.chain.intervals import LOSSES
from shared.report import words
from shared.report.axes import Axis
from shared.report.page import Section, Spread, Spreads, Table

if TYPE_CHECKING:
    from shared.chain.documents import Evaluation, Measured
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the evaluation's document."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section; None if no model was evaluated."""
    evaluation = material.run.documents.evaluation
    if evaluation is None:
        return None
    parts = [
        *_of_split("evaluation", evaluation.candidates),
        *_of_split("test", evaluation.test),
        *_confusions(evaluation.test, material.settings.policy.coupon_from),
    ]
    return Section("models", "Candidates and champion", _sentences(evaluation), parts)


def _sentences(evaluation: Evaluation) -> list[str]:
    winner = words.named(evaluation.winner)
    verdict = "approved" if evaluation.passes else "rejected"
    return [
        "Candidates are compared on the evaluation visitors, the winner and the champions on the later test visitors.",
        "No model was trained or chosen on the test visitors. All intervals are 95 % intervals.",
        evaluation.choice,
        f"The gate {verdict} {winner}.",
        *evaluation.reasons,
        *(f"{words.named(name)} could not be used: {why}" for name, why in evaluation.failed.items()),
    ]


def _of_split(split: str, models: dict[str, Measured]) -> list[Table | Spreads]:
    if not models:
        return []
    one = next(iter(models.values()))
    on = f"{words.count(one.visitors)} {split} visitors, {words.count(one.positives)} buyers"
    rows = [
        (
            words.named(name),
            *(f"{words.metric(metric, found)} ({words.bounds(metric, found)})" for metric in words.METRICS),
        )
        for name, found in models.items()
    ]
    head = ("model", *words.METRICS.values())
    return [Table(f"Metrics with intervals on {on}", head, rows), *_figures(split, models)]


def _figures(split: str, models: dict[str, Measured]) -> list[Spreads]:
    return [found for metric in words.METRICS if (found := _figure(metric, split, models))]


def _figure(metric: str, split: str, models: dict[str, Measured]) -> Spreads | None:
    spreads, values = [], {}
    for name, found in models.items():
        value, (lower, upper) = getattr(found, metric), found.intervals.get(metric, (None, None))
        if value is None or lower is None or upper is None:
            continue
        values[name] = value
        text = f"{words.metric(metric, found)} ({words.bounds(metric, found)})"
        spreads.append(Spread(words.named(name), value, lower, upper, text))
    if not spreads:
        return None
    is_less = metric in LOSSES
    best = (min if is_less else max)(values, key=lambda name: values[name])
    text = spreads[[*values].index(best)].text
    said = f"{'Lower' if is_less else 'Higher'} is better. The best value is that of {words.named(best)}, {text}."
    lows, highs = [one.lower for one in spreads], [one.upper for one in spreads]
    margin = 0.05 * (max(highs) - min(lows)) or 0.01
    axis = Axis(words.METRICS[metric], min(lows) - margin, max(highs) + margin)
    return Spreads(words.begun(f"{words.METRICS[metric]} on the {split} visitors"), said, axis, spreads)


def _confusions(models: dict[str, Measured], threshold: float) -> list[Table]:
    if not models:
        return []
    rows = [
        (
            words.named(name),
            words.count(found.true_positives),
            words.count(found.false_positives),
            words.count(found.false_negatives),
            words.count(found.true_negatives),
            words.decimal(found.expected_positives, 1),
        )
        for name, found in models.items()
    ]
    head = ("model", "bought, above", "did not, above", "bought, below", "did not, below", "buyers expected")
    return [Table(f"Confusion on the test visitors at a probability of {threshold:g} (policy.coupon_from)", head, rows)]
