"""The section about the model's health, which is checked in a separate run each day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.report import words
from shared.report.page import Section, Table

if TYPE_CHECKING:
    from shared.chain.documents import Health
    from shared.report.material import Answers, Material
    from shared.warehouse import Statement


def asks(_: Material) -> dict[str, Statement]:
    """Return no statement: the section needs only the run's documents."""
    return {}


def tell(material: Material, _: Answers) -> Section | None:
    """Return the section; None if the run checked no model."""
    found = material.run.documents.health
    if found is None:
        return None
    rows = [
        (words.named(one.check), one.state, one.found, _number(one.value), _number(one.threshold))
        for one in found.findings
    ]
    head = ("check", "state", "found", "value", "threshold")
    return Section("health", "The model's health", _sentences(found), [Table("Checks", head, rows, numbers=False)])


def _sentences(found: Health) -> list[str]:
    states = [one.state for one in found.findings]
    said = [f"Of {len(states)} checks, {states.count('fine')} are fine. The worst state is {found.state}."]
    if found.returned:
        said.append(f"Version {found.returned} became champion again, because the champion is worse.")
    if found.retraining:
        said.append("A training was asked for.")
    if found.held_back:
        said.append(f"No training was asked for: {found.held_back}.")
    return said


def _number(value: float | None) -> str:
    return words.NONE if value is None else f"{value:.4g}"
