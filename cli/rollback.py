"""Give the name of champion back to the version deployed before, with all that follows the champion."""

from shared.chain import pointer, promotion
from shared.chain.registry import Version
from shared.cloud import Clients
from shared.events import ScoringDue


def roll_back(clients: Clients) -> tuple[Version, Version]:
    """Move traffic and name, have the pointer follow, and ask for the visitors to be scored anew.

    Returns:
        The champion of before and the one of now.

    Raises:
        Permanent: there is no champion, or no version to go back to.
    """
    before, now = promotion.roll_back(clients)
    pointer.follow(clients)
    clients.send(ScoringDue.topic, {})
    return before, now
