"""The section about the features that drive the winner's scores.

It covers a sample of the test visitors, and the ten most likely and ten least likely buyers of all test visitors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.chain.versions import model_name
from shared.report import axes, words
from shared.report.page import Bars, Section, Table
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.report.material import Answers, Material, Rows

_SAMPLE = 1000
_EACH_WAY = 10


def asks(material: Material) -> dict[str, Statement]:
    """Return the statements that explain the winner's scores, if a model was evaluated."""
    evaluation = material.run.documents.evaluation
    if evaluation is None:
        return {}
    rows, model = material.rows_of_run, {"model": model_name(evaluation.winner, material.run.run_id)}
    examples = {**rows, "candidate": evaluation.winner, "rows": _EACH_WAY}
    return {
        "drivers": Statement("report/drivers", {**rows, "rows": _SAMPLE}, model),
        "examples": Statement("report/examples", examples, model),
    }


def tell(material: Material, answers: Answers) -> Section | None:
    """Return the section; None if there are no test visitors."""
    evaluation, drivers = material.run.documents.evaluation, answers.get("drivers", [])
    if evaluation is None or not drivers:
        return None
    sentences = [
        f"How far each feature moves the score of {words.named(evaluation.winner)}, in log odds (ML.EXPLAIN_PREDICT).",
        "This explains the model, not why visitors buy.",
    ]
    examples = answers.get("examples", [])
    parts: list[Table | Bars] = [_figure(drivers), _table(drivers)]
    for title, is_likely in (("most", True), ("least", False)):
        found = [row for row in examples if row["is_likely"] == is_likely]
        parts += [
            _examples(f"The {len(found)} test visitors with the {title} likely purchase, without their ids", found)
        ]
    return Section("drivers", "What drives the score", sentences, [part for part in parts if _has_rows(part)])


def _has_rows(part: Table | Bars) -> bool:
    return not isinstance(part, Table) or bool(part.rows)


def _figure(rows: Rows) -> Bars:
    first = rows[0]
    next_ones = f", followed by {words.listed(words.named(row['feature']) for row in rows[1:3])}" if rows[1:] else ""
    said = (
        f"{words.begun(words.named(first['feature']))} moves the scores most{next_ones}. It moves them by "
        f"{words.decimal(first['strength'], 2)} on average over {words.count(first['visitors'])} test visitors."
    )
    return Bars(
        "Mean strength of each feature",
        said,
        "feature, by its rank in the table",
        axes.amounts("mean strength in log odds", max(row["strength"] for row in rows) * 1.05),
        [str(number) for number, _ in enumerate(rows, 1)],
        {"mean strength": [row["strength"] for row in rows]},
    )


def _table(rows: Rows) -> Table:
    told = [
        (
            f"{number}. {words.named(row['feature'])}",
            words.decimal(row["strength"]),
            words.percent(row["share_upwards"]),
        )
        for number, row in enumerate(rows, 1)
    ]
    return Table("Strength of the features", ("feature", "mean strength", "moves upwards for"), told)


def _examples(title: str, rows: Rows) -> Table:
    told = [
        (
            str(row["place"]),
            words.percent(row["probability"]),
            "bought" if row["label"] else "did not buy",
            "; ".join(_reason(reason, row) for reason in row["reasons"]),
        )
        for row in rows
    ]
    return Table(title, ("place", "probability", "outcome", "what moved the score most"), told, numbers=False)


def _reason(reason: dict[str, Any], row: dict[str, Any]) -> str:
    return f"{words.named(reason['feature'])} = {row[reason['feature']]} ({reason['moved']:+.2f})"
