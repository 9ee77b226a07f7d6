"""The section about the cost: the bytes that BigQuery bills for statements and trainings, and the functions' time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table

if TYPE_CHECKING:
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the ledger and the trainings' jobs."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section; None if no step was finished."""
    records = material.run.records
    if not records:
        return None
    billed = {record.step: record.bytes_billed for record in records}
    worked = sum((record.finished_at - record.started_at).total_seconds() for record in records)
    total = sum(billed.values()) + sum(material.trainings.values())
    rows = [
        (
            record.step,
            words.seconds((record.finished_at - record.started_at).total_seconds()),
            words.seconds(record.bigquery_seconds),
            words.size(record.bytes_billed),
        )
        for record in records
    ]
    rows += [
        (f"training of {words.named(name)}", words.NONE, words.NONE, words.size(size))
        for name, size in material.trainings.items()
    ]
    sentences = [
        f"The functions worked for {words.seconds(worked)} in the deliveries that finished the steps.",
        f"BigQuery bills {words.size(total)}." if total else "BigQuery bills nothing: a local cloud has no prices.",
        "`propensity cost` multiplies such amounts by dated list prices.",
        "What earlier deliveries cost, which failed, is not included.",
    ]
    head = ("step or training", "function worked", "of this, waiting for BigQuery", "billed by BigQuery")
    return Section("cost", "Cost", sentences, [Table("Work and bytes billed", head, rows)])
