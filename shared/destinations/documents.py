"""The documents of a destination and of its delivery runs.

destinations/NAME/current.json          the delivery run that sends now, or sent last
destinations/NAME/open/BATCH.json       a request whose outcome is unknown; any run of the destination follows it up
runs/RUN_ID/delivery_plan.json          the run's batches
runs/RUN_ID/requests/KIND-NUMBER.json   a request that has ended
runs/RUN_ID/delivery.json               the run's result, in numbers of members
"""

from datetime import date, datetime
from typing import Any, Self

from msgspec import Struct, structs

from shared.chain.documents import Document
from shared.destinations.contract import Kind, Outcome


class Current(Struct, frozen=True):
    """The delivery run that sends now, or sent last.

    `resolved_at` is the time at which the run that resolved the audience's customers was opened. An audience with an
    earlier `resolved_at` must not replace an audience with a later `resolved_at`.
    """

    run_id: str
    resolved_at: datetime


class PlannedBatch(Struct, frozen=True):
    """A batch of the plan: `number` counts the batches of its kind from 1, and `members` counts its members."""

    kind: Kind
    number: int
    members: int


class DeliveryPlan(Struct, frozen=True):
    """The batches of a delivery run."""

    batches: list[PlannedBatch]


class Request(Struct, frozen=True, kw_only=True):
    """A request to a destination.

    `request` is the request's id at the destination, and `members` the number of members in its batch. `outcome` is
    `sent` until the outcome is known, or the time `last_look` of the destination is over. `looks` counts the questions
    for the status, and `look_at` is the time of the next question. `refused` maps each refused customer to the reason.
    `created_on` is the day on which the run was opened, as in the table destination_changes.
    """

    created_on: date
    run_id: str
    kind: Kind
    number: int
    members: int
    request: str
    outcome: Outcome
    sent_at: datetime
    look_at: datetime
    looks: int = 0
    refused: dict[str, str] = {}
    detail: str = ""

    @property
    def place(self) -> str:
        """The name of the request's batch within the run: KIND-NUMBER."""
        return f"{self.kind}-{self.number:06}"

    def changed(self, **fields: Any) -> Self:
        """Return a copy of the request in which `fields` have these values."""
        return structs.replace(self, **fields)


class Ended(Struct, frozen=True):
    """A request that has ended. `refused` counts the refused members by reason."""

    kind: Kind
    number: int
    members: int
    request: str
    outcome: Outcome
    sent_at: datetime
    ended_at: datetime
    refused: dict[str, int]
    detail: str


PLAN = Document("delivery_plan", DeliveryPlan)


def ended(place: str) -> Document[Ended]:
    """Return the document of a request that has ended; `place` is KIND-NUMBER."""
    return Document(f"requests/{place}", Ended)
