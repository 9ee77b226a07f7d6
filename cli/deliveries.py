"""The result of sending the newest audience to each destination, from the documents of its delivery run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import structs
from rich.markup import escape

from cli import terminal
from shared import destination_settings
from shared.chain.audience_documents import DELIVERY, Delivery
from shared.destinations.delivery import summary
from shared.destinations.documents import PLAN, DeliveryPlan
from shared.destinations.requests import Requests
from shared.destinations.step import claim

if TYPE_CHECKING:
    from rich.table import Table

    from shared.chain.environment import Environment


def read(environment: Environment) -> list[dict[str, Any]]:
    """Return a row for each destination that is on: its newest delivery run, and the results for the run's members.

    `sent` is the number of members whose request has not ended; the other counts are those of `Delivery`. If nothing
    was sent to the destination yet, `run_id` is None.
    """
    return [_row(name, environment) for name in destination_settings.switched_on(environment.settings)]


def _row(destination: str, environment: Environment) -> dict[str, Any]:
    standing, _ = claim(destination, environment).read()
    if standing is None:
        return {"run_id": None, "sent": 0, **structs.asdict(Delivery(destination, {}, {}, {}, []))}
    run_id = standing.run_id
    if ended := environment.runs.read(run_id, DELIVERY):
        return {"run_id": run_id, "sent": 0, **structs.asdict(ended)}
    plan, requests = environment.runs.read(run_id, PLAN) or DeliveryPlan([]), Requests(destination, environment)
    still_open = [one for one in requests.open() if one.run_id == run_id]
    so_far = structs.asdict(summary(destination, plan, requests.ended(run_id)))
    refused = Counter(so_far["refused"])
    for one in still_open:
        refused.update(one.refused.values())
    sent = sum(one.members - len(one.refused) for one in still_open)
    return {"run_id": run_id, "sent": sent, **so_far, "refused": dict(refused)}


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the result of `read` as a table."""
    made = terminal.table("destination", "run", "planned", "sent", "confirmed", "refused", "why", title="Destinations")
    for row in rows:
        outcomes, refused = dict(row["outcomes"]), row["refused"]
        confirmed = outcomes.pop("confirmed", 0)
        why = [f"{count:,} {what}" for counts in (refused, outcomes) for what, count in counts.items()]
        made.add_row(
            row["destination"],
            row["run_id"] or "none yet",
            *(
                f"{number:,}"
                for number in (sum(row["planned"].values()), row["sent"], confirmed, sum(refused.values()))
            ),
            escape("; ".join([*why, *row["problems"]])),
        )
    return made
