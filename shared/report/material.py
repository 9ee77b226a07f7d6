"""The input of a report: documents of the run and of the previous run, and the rows of the sections' statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shared.chain.opened_runs import OpenedRun
    from shared.chain.run_state import Run
    from shared.report.page import Section
    from shared.settings import Settings
    from shared.warehouse import Statement

type Rows = list[dict[str, Any]]
type Answers = dict[str, Rows]


@dataclass(frozen=True)
class Material:
    """A run with its documents. `before` is the run that was opened to train before this run, or None.

    `trainings` holds the bytes that BigQuery bills for the training of each candidate.
    """

    run: Run
    opened: OpenedRun
    settings: Settings
    before: Run | None = None
    trainings: dict[str, int] = field(default_factory=dict)

    @property
    def rows_of_run(self) -> dict[str, Any]:
        """The parameters that select the run's rows in tables that hold the rows of several runs."""
        return {"run_id": self.run.run_id, "created_on": self.run.opened_at.date()}

    def has(self, step: str) -> bool:
        """Return whether the step was finished, i.e. whether the run's ledger has a record of the step."""
        return any(record.step == step for record in self.run.records)


class Part(Protocol):
    """A module of shared/report/sections."""

    def asks(self, material: Material) -> dict[str, Statement]:
        """Return the statements that the section needs, by name. `tell` gets each statement's rows by this name."""

    def tell(self, material: Material, answers: Answers) -> Section | None:
        """Return the section. `answers` holds the rows of `asks`. Return None if there is nothing to show."""
