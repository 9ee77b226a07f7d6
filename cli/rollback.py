"""`propensity rollback`: make a former version the champion again."""

from shared.chain import pointer, promotion
from shared.chain.environment import Environment
from shared.chain.versions import Version
from shared.events import ScoringDue


def roll_back(environment: Environment, reason: str, by: str, to: str | None = None) -> tuple[Version, Version]:
    """Move traffic and alias to version `to`, by default the former champion; update the pointer; publish scoring-due.

    `by` names the decider, for champion_history. If the version is champion already, scoring-due is not published.

    Returns:
        The champion before the rollback, and the champion after it.

    Raises:
        Permanent: there is no champion, or the version is not deployed.
    """
    before, now = promotion.roll_back(environment, promotion.Cause("rolled_back", by, reason), to)
    pointer.follow(environment)
    promotion.record_moves(environment)
    if before.number != now.number:
        environment.send(ScoringDue.topic, {})
    return before, now
