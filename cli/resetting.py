"""`propensity reset`: list and remove everything that a run, or all runs, created."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from cli.backtest import past as backtests
from shared.campaign import measuring
from shared.chain import current, pointer, promotion, recommending
from shared.chain.versions import run_of_model
from shared.customers import opening
from shared.destination_settings import DESTINATIONS
from shared.destinations.claims import claim
from shared.destinations.files import FOLDER
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.chain.environment import Environment


@dataclass
class Removal:
    """A planned removal: the actions, and a line that describes each action."""

    lines: list[str] = field(default_factory=list)
    actions: list[Callable[[], object]] = field(default_factory=list)

    def add(self, line: str, action: Callable[[], object]) -> None:
        """Add an action, and the line that describes the removal."""
        self.lines.append(line)
        self.actions.append(action)

    def carry_out(self) -> None:
        """Carry out all actions, in the order in which they were added. Missing things are skipped."""
        for action in self.actions:
            action()


def plan(environment: Environment, run_id: str | None) -> Removal:
    """Return the removal of everything that run `run_id` has created. If `run_id` is None, include all runs.

    The removal includes rows and objects that were created after an earlier reset, by steps and jobs that were still
    running.

    Raises:
        Permanent: nothing of the run exists, or its model is the champion.
    """
    champion = environment.registry.champion()
    if champion and run_id == champion.run_id:
        raise Permanent(
            f"run {run_id} made the champion: roll back first (`propensity rollback`), "
            "or remove all runs (`propensity reset`)"
        )
    removal = Removal()
    for version in environment.registry.versions():
        if run_id in {None, version.run_id}:
            removal.add(
                f"version {version.number} of the registered model", partial(environment.registry.remove, version)
            )
    _plan_notes(removal, environment, run_id)
    # Remove the documents before models and rows: a running step then notices the reset, and creates no more models and
    # rows.
    for one in environment.runs.ids():
        if run_id in {None, one}:
            removal.add(f"run {one}: its documents and files in the bucket", partial(environment.runs.remove, one))
    _plan_deliveries(removal, environment, run_id)
    _plan_models(removal, environment, run_id)
    served = recommending.served_run(environment)
    if served and run_id in {None, served}:
        removal.add("the recommendations in use", partial(recommending.withdraw, environment))
    _plan_rows(removal, environment, run_id)
    for name in backtests.left(environment) if run_id is None else ():
        removal.add(
            f"unfinished backtest {name}: its dataset and documents", partial(backtests.remove, environment, name)
        )
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
    """Add the claim and the stored effect of the current campaign, if the runs wrote them.

    If all runs are removed, also add the champion's pointer and the last decision.
    """
    if run_id is None and removal.lines:
        removal.add("the champion's pointer", partial(pointer.follow, environment))
    if run_id is None and promotion.is_decided(environment):
        removal.add("the last promotion or rollback", partial(promotion.forget, environment))
    if current.names(run_id, environment):
        removal.add("the claim of the run that reads the export", partial(current.forget, run_id, environment))
    kept = measuring.kept_run(environment)
    if kept and run_id in {None, kept}:
        removal.add("the measured effect of the campaign in use", partial(measuring.forget, environment))


def _plan_deliveries(removal: Removal, environment: Environment, run_id: str | None) -> None:
    """Plan to remove the claims of delivery runs, the claim of the run that finds customers, and delivered files.

    If a claim stayed, a scheduled message would look for the removed run.

    Open requests are kept, and the next delivery run asks for their status. The member ledger, the arms, campaign
    events and the suppressions from these events are kept too.
    """
    newest, read = opening.newest(environment).read()
    if newest and run_id in {None, newest.run_id}:
        removal.add("the claim of the run that finds customers", partial(opening.newest(environment).remove, read))
    for name in DESTINATIONS:
        found, generation = claim(name, environment).read()
        if found and run_id in {None, found.run_id}:
            removal.add(
                f"the claim of the run that sends to {name}", partial(claim(name, environment).remove, generation)
            )
    prefix = f"{FOLDER}/{run_id}/" if run_id else f"{FOLDER}/"
    files = list(environment.bucket.list_blobs(prefix=prefix))
    if files:
        # Another process may have removed a file in the meantime.
        delete = partial(environment.bucket.delete_blobs, files, on_error=lambda _: None)
        removal.add(f"{len(files)} files with members of the audience", delete)


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
