"""The section about a delivery run: the changes that were planned, and their outcomes at the destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table

if TYPE_CHECKING:
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the run's documents."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section; None if the run sent nothing to a destination."""
    found = material.run.documents.delivery
    if found is None:
        return None
    rows = [
        (title, words.named(name), words.count(members))
        for title, counts in (("planned", found.planned), ("outcome", found.outcomes), ("refused", found.refused))
        for name, members in counts.items()
    ]
    sentences = [
        f"{words.count(sum(found.planned.values()))} changes were planned for {words.named(found.destination)}.",
        "Sent members count as delivered only once the destination has confirmed them.",
        *(words.begun(problem) for problem in found.problems),
    ]
    tables = [Table("Members", ("stage", "state", "members"), rows, numbers=False)] if rows else []
    return Section("delivery", "Destination", sentences, tables)
