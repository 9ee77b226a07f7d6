"""Give the name of champion to a version deployed before, with all that follows the champion."""

from shared.chain import pointer, promotion
from shared.chain.environment import Environment
from shared.chain.versions import Version
from shared.events import ScoringDue


def roll_back(environment: Environment, to: str | None = None) -> tuple[Version, Version]:
    """Move traffic and name to version `to`, or to the one before; have the pointer follow, and the visitors scored.

    Where that version is champion already, only the pointer is looked at.

    Returns:
        The champion of before and the one of now.

    Raises:
        Permanent: there is no champion, or no such version to go back to.
    """
    before, now = promotion.roll_back(environment, to)
    pointer.follow(environment)
    if before.number != now.number:
        environment.send(ScoringDue.topic, {})
    return before, now
