"""The input of a report: the run's documents, those of the run before, and the rows of the sections' statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shared.chain.documents import OpenedRun
    from shared.chain.run_state import Run
    from shared.report.page import Section
    from shared.settings import Settings
    from shared.warehouse import Statement

type Rows = list[dict[str, Any]]
type Answers = dict[str, Rows]


@dataclass(frozen=True)
class Material:
    """A run with its documents. `before` is the last run that was opened to train before it; None if there is none.

    `trainings` holds what BigQuery bills for the training of each candidate, in bytes.
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
        """Whether the run's ledger has a record of the step, so that the step was finished."""
        return any(record.step == step for record in self.run.records)


class Part(Protocol):
    """A module of shared/report/sections."""

    def asks(self, material: Material) -> dict[str, Statement]:
        """Return the statements whose rows the section needs, by names. `tell` gets the rows by the same names."""

    def tell(self, material: Material, answers: Answers) -> Section | None:
        """Return the section from the rows of its statements; None if the run has nothing for it."""
