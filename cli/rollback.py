"""Give the name of champion to a version deployed before, with all that follows the champion."""

from shared.chain import pointer, promotion
from shared.chain.registry import Version
from shared.cloud import Clients
from shared.events import ScoringDue


def roll_back(clients: Clients, to: str | None = None) -> tuple[Version, Version]:
    """Move traffic and name to version `to`, or to the one before; have the pointer follow, and the visitors scored.

    Where that version is champion already, only the pointer is looked at.

    Returns:
        The champion of before and the one of now.

    Raises:
        Permanent: there is no champion, or no such version to go back to.
    """
    before, now = promotion.roll_back(clients, to)
    pointer.follow(clients)
    if before.number != now.number:
        clients.send(ScoringDue.topic, {})
    return before, now
