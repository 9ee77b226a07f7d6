"""The Pub/Sub topic audience-members: one message per request, for the shop's own systems."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import msgspec

from shared.destinations.contract import Answer, Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.clients import Clients
    from shared.destination_settings import Topic
    from shared.destinations.contract import Batch, Member

TOPIC = "audience-members"


class TopicDestination:
    """The topic audience-members. If a batch is sent again, both messages have the same attribute `batch`."""

    name: ClassVar[str] = "topic"
    form: ClassVar[str] = "customers"
    # A message may have 10 MB, and a member with fifty products takes about 4 kB.
    batch_size: ClassVar[int] = 1_000
    takes_scores: ClassVar[bool] = True
    is_keyed_by_address: ClassVar[bool] = False
    waits_for_earlier: ClassVar[bool] = False
    first_look: ClassVar[timedelta] = timedelta(0)
    last_look: ClassVar[timedelta] = timedelta(0)

    def __init__(self, settings: Topic, clients: Clients) -> None:
        self.channel: Channel = settings.channel
        self.mode = settings.mode
        self._clients = clients

    def validate(self, _: Member) -> str | None:
        """Return None, since a message can hold every customer."""
        return None

    def apply(self, batch: Batch) -> Answer:
        """Publish the batch as one message, and wait for Pub/Sub's confirmation."""
        body = {
            "run_id": batch.run_id,
            "kind": batch.kind,
            "batch": batch.number,
            "batches": batch.count,
            "members": [msgspec.to_builtins(one) for one in batch.members],
        }
        self._clients.send(TOPIC, body, batch=batch.name)
        return Answer(batch.name, "confirmed")

    def status(self, request: str, _: Callable[[], list[Member]]) -> Answer:
        """Return `confirmed`, since `apply` has published the message."""
        return Answer(request, "confirmed")
