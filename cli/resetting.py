"""`propensity reset`: what a run, or all runs, made, and its removal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from google.api_core.exceptions import NotFound

from shared.chain import current, pointer, promotion, recommending, training
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.cloud import Clients

RUN_TABLES = (
    "training_rows",
    "evaluation_rows",
    "scores",
    "audience",
    "visitor_products",
    "product_similarities",
    "recommended_products",
    "product_itemsets",
    "product_rules",
    "visitor_recommendations",
)
ALL_TABLES = (*RUN_TABLES, "source_days", "sessions", "interactions", "visitor_features")


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


def plan(clients: Clients, run_id: str | None) -> Removal:
    """Return what removing the run, or everything that runs made, would remove.

    Raises:
        Permanent: the run is not there, or its model is the champion, which serves.
    """
    ledger = clients.ledger
    every = ledger.runs()
    if run_id is not None and run_id not in every:
        raise Permanent(f"there is no run {run_id}; see `propensity runs`")
    champion = clients.registry.champion()
    if champion and run_id == champion.run_id:
        raise Permanent(
            f"run {run_id} made the champion, which serves: roll back first (`propensity rollback`), "
            "or remove all runs (`propensity reset`)"
        )
    removal = Removal()
    chosen = every if run_id is None else [run_id]
    for version in clients.registry.versions():
        if version.run_id in chosen:
            removal.add(f"version {version.number} of the registered model", partial(clients.registry.remove, version))
    _plan_notes(removal, clients, run_id)
    for one in chosen:
        _plan_models(removal, clients, one)
        removal.add(f"run {one}: its record, reports and files in the bucket", partial(ledger.remove, one))
    if recommending.served_run(clients) in chosen:
        removal.add("the recommendations that are served", partial(recommending.withdraw, clients))
    _plan_rows(removal, clients, run_id, chosen)
    letters = ledger.dead_letters() if run_id is None else {}
    if letters:
        removal.add(f"{len(letters)} dead letters", ledger.remove_dead_letters)
    return removal


def _plan_notes(removal: Removal, clients: Clients, run_id: str | None) -> None:
    """Plan what names a champion once no version is left, and the run that reads the export."""
    if run_id is None and removal.lines:
        removal.add("the pointer at the champion", partial(pointer.follow, clients))
    if run_id is None and promotion.is_decided(clients):
        removal.add("the last decision on who is champion", partial(promotion.forget, clients))
    if current.names(run_id, clients):
        removal.add("the note of the run that reads the export", partial(current.forget, run_id, clients))


def _plan_rows(removal: Removal, clients: Clients, run_id: str | None, chosen: list[str]) -> None:
    for table in ALL_TABLES if run_id is None and chosen else ():
        removal.add(f"all rows of table {table}", partial(clients.query, "reset/all_rows", table=table))
    for table in RUN_TABLES if run_id else ():
        delete = partial(clients.query, "reset/rows_of_run", {"run_id": run_id}, table=table)
        removal.add(f"the run's rows of table {table}", delete)


def _plan_models(removal: Removal, clients: Clients, run_id: str) -> None:
    candidates = [training.model_name(candidate, run_id) for candidate in clients.settings.training.candidates]
    for name in (*candidates, *recommending.model_names(run_id)):
        model = f"{clients.settings.project}.{clients.settings.dataset}.{name}"
        with contextlib.suppress(NotFound):
            clients.bigquery.get_model(model)
            removal.add(f"model {name}", partial(clients.bigquery.delete_model, model, not_found_ok=True))
