"""`propensity reset`: what a run, or all runs, made, and its removal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from shared.chain import current, pointer, promotion, recommending
from shared.chain.versions import run_of_model
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.chain.environment import Environment


@dataclass
class Removal:
    """What would be removed, in words, and the removal of each."""

    lines: list[str] = field(default_factory=list)
    actions: list[Callable[[], object]] = field(default_factory=list)

    def add(self, line: str, action: Callable[[], object]) -> None:
        """Plan one more thing."""
        self.lines.append(line)
        self.actions.append(action)

    def carry_out(self) -> None:
        """Remove all of it; what is gone already is no error."""
        for action in self.actions:
            action()


def plan(environment: Environment, run_id: str | None) -> Removal:
    """Return what removing the run, or everything that runs made, would remove.

    What a former reset could not see, since a step or a job of its run was still at work, is removed as well.

    Raises:
        Permanent: nothing of the run is there, or its model is the champion, which serves.
    """
    champion = environment.registry.champion()
    if champion and run_id == champion.run_id:
        raise Permanent(
            f"run {run_id} made the champion, which serves: roll back first (`propensity rollback`), "
            "or remove all runs (`propensity reset`)"
        )
    removal = Removal()
    for version in environment.registry.versions():
        if run_id in {None, version.run_id}:
            removal.add(
                f"version {version.number} of the registered model", partial(environment.registry.remove, version)
            )
    _plan_notes(removal, environment, run_id)
    # Before models and rows: a step that is at work notices, and makes no more of them.
    for one in environment.runs.ids():
        if run_id in {None, one}:
            removal.add(
                f"run {one}: its record, reports and files in the bucket", partial(environment.runs.remove, one)
            )
    _plan_models(removal, environment, run_id)
    served = recommending.served_run(environment)
    if served and run_id in {None, served}:
        removal.add("the recommendations that are served", partial(recommending.withdraw, environment))
    _plan_rows(removal, environment, run_id)
    letters = environment.dead_letters.all() if run_id is None else {}
    if letters:
        removal.add(
            "1 dead letter" if len(letters) == 1 else f"{len(letters)} dead letters",
            environment.dead_letters.remove_all,
        )
    if run_id and not removal.lines:
        raise Permanent(f"there is no run {run_id}; see `propensity runs`")
    return removal


def _plan_notes(removal: Removal, environment: Environment, run_id: str | None) -> None:
    """Plan what names a champion once no version is left, and the run that reads the export."""
    if run_id is None and removal.lines:
        removal.add("the pointer at the champion", partial(pointer.follow, environment))
    if run_id is None and promotion.is_decided(environment):
        removal.add("the last decision on who is champion", partial(promotion.forget, environment))
    if current.names(run_id, environment):
        removal.add("the note of the run that reads the export", partial(current.forget, run_id, environment))


def _plan_models(removal: Removal, environment: Environment, run_id: str | None) -> None:
    for model in environment.bigquery.list_models(environment.settings.dataset):
        owner = run_of_model(model.model_id)
        if owner and run_id in {None, owner}:
            delete = partial(environment.bigquery.delete_model, model.reference, not_found_ok=True)
            removal.add(f"model {model.model_id}", delete)


def _plan_rows(removal: Removal, environment: Environment, run_id: str | None) -> None:
    rows: Counter[str] = Counter()
    for found in environment.query("reset/rows"):
        if run_id in {None, found["run_id"]}:
            rows[found["table_name"]] += found["row_count"]
    for table, count in rows.items():
        if run_id is None:
            removal.add(f"all {count} rows of table {table}", partial(environment.query, "reset/all_rows", table=table))
        else:
            delete = partial(environment.query, "reset/rows_of_run", {"run_id": run_id}, table=table)
            removal.add(f"the run's {count} rows of table {table}", delete)
