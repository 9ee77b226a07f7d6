"""The result of sending the newest audience to each destination, from the documents of its delivery run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import structs
from rich.markup import escape

from cli import terminal
from shared import destination_settings
from shared.chain.audience_documents import DELIVERY, Delivery
from shared.destinations.claims import claim
from shared.destinations.delivery import summary
from shared.destinations.documents import PLAN, DeliveryPlan
from shared.destinations.requests import Requests

if TYPE_CHECKING:
    from rich.table import Table

    from shared.chain.environment import Environment


def read(environment: Environment) -> list[dict[str, Any]]:
    """Return a row for each destination that is on: its newest delivery run, and the results for the run's members.

    `sent` is the number of members whose request has not ended; requests of earlier runs count too. `confirmed` is the
    number of confirmed members of the run. `is_unchanged` says that the run had nothing to send. `why` lists what
    happened to the others. The remaining fields have the meaning that they have in `Delivery`. If nothing was sent to
    the destination yet, `run_id` is None.
    """
    rows = [_row(name, environment) for name in destination_settings.switched_on(environment.settings)]
    return [{**row, "confirmed": row["outcomes"].get("confirmed", 0), "why": _why(row)} for row in rows]


def _row(destination: str, environment: Environment) -> dict[str, Any]:
    standing, _ = claim(destination, environment).read()
    if standing is None:
        nothing = structs.asdict(Delivery(destination, {}, {}, {}, []))
        return {"run_id": None, "is_unchanged": False, "sent": 0, **nothing}
    run_id, requests = standing.run_id, Requests(destination, environment)
    still_open = requests.open()
    sent = sum(one.members - len(one.refused) for one in still_open)
    if ended := environment.runs.read(run_id, DELIVERY):
        return {"run_id": run_id, "is_unchanged": not ended.planned, "sent": sent, **structs.asdict(ended)}
    plan = environment.runs.read(run_id, PLAN)
    is_unchanged = plan is not None and not plan.batches
    so_far = structs.asdict(summary(destination, plan or DeliveryPlan([]), requests.ended(run_id)))
    refused = Counter(so_far["refused"])
    for one in still_open:
        if one.run_id == run_id:
            refused.update(one.refused.values())
    return {"run_id": run_id, "is_unchanged": is_unchanged, "sent": sent, **so_far, "refused": dict(refused)}


def _why(row: dict[str, Any]) -> list[str]:
    outcomes = {what: count for what, count in row["outcomes"].items() if what != "confirmed"}
    counts = [*row["refused"].items(), *outcomes.items()]
    why = [*(f"{count:,} {what}" for what, count in counts), *row["problems"]]
    return why or (["no member has changed since the run before"] if row["is_unchanged"] else [])


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the result of `read` as a table."""
    made = terminal.table("destination", "run", "planned", "sent", "confirmed", "refused", "why", title="Destinations")
    for row in rows:
        counts = (sum(row["planned"].values()), row["sent"], row["confirmed"], sum(row["refused"].values()))
        made.add_row(
            row["destination"],
            row["run_id"] or "none yet",
            *(f"{count:,}" for count in counts),
            escape("; ".join(row["why"])),
        )
    return made
