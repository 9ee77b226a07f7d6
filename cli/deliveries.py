"""The result of sending the newest audience to each destination, from the documents of the newest delivery runs."""

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
    """Return a row for each destination that is on: the newest delivery run, and the results for the run's members.

    `sent` is the number of members whose request has not ended; requests of earlier runs count too. `confirmed` is the
    number of confirmed members of the run. `why` lists the results of the other members, or says that the run had
    nothing to send. The remaining fields are those of `Delivery`. If nothing was sent to the destination yet, `run_id`
    is None.
    """
    return [_row(name, environment) for name in destination_settings.switched_on(environment.settings)]


def _row(destination: str, environment: Environment) -> dict[str, Any]:
    standing, _ = claim(destination, environment).read()
    if standing is None:
        return _told(None, 0, Delivery(destination, {}, {}, {}, []), is_planned=False)
    run_id, requests = standing.run_id, Requests(destination, environment)
    still_open = requests.open()
    sent = sum(one.members - len(one.refused) for one in still_open)
    if ended := environment.runs.read(run_id, DELIVERY):
        return _told(run_id, sent, ended, is_planned=True)
    plan = environment.runs.read(run_id, PLAN)
    so_far = summary(destination, plan or DeliveryPlan([]), requests.ended(run_id))
    refused = Counter(so_far.refused)
    for one in still_open:
        if one.run_id == run_id:
            refused.update(one.refused.values())
    return _told(run_id, sent, structs.replace(so_far, refused=dict(refused)), is_planned=plan is not None)


def _told(run_id: str | None, sent: int, delivery: Delivery, *, is_planned: bool) -> dict[str, Any]:
    outcomes = {what: count for what, count in delivery.outcomes.items() if what != "confirmed"}
    counts = [*delivery.refused.items(), *outcomes.items()]
    why = [*(f"{count:,} {what}" for what, count in counts), *delivery.problems]
    if is_planned and not delivery.planned:
        why.append("no member has changed since the run before")
    confirmed = delivery.outcomes.get("confirmed", 0)
    return {"run_id": run_id, "sent": sent, "confirmed": confirmed, "why": why, **structs.asdict(delivery)}


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
