"""Decide which version becomes champion: promotion and rollback.

Aliases in the registry cannot be moved on a condition, but an object in the bucket can be replaced on one. So
`serving/promotion.json` holds the last decision, a promotion or a rollback. A process first replaces it, on the
condition that it is unchanged since it was read. Then it moves traffic and alias, and repeats that if there was another
decision meanwhile. So a concurrent deployment cannot undo a rollback, whichever of the two moves the alias last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from shared.chain.documents import ROLLED_BACK, RolledBack
from shared.chain.guarded import Guarded

if TYPE_CHECKING:
    from shared.chain.environment import Environment
    from shared.chain.versions import Version

PATH = "serving/promotion.json"


class Decision(msgspec.Struct, frozen=True):
    """The version that is to serve."""

    version: str
    decided_at: datetime


def objection(run_id: str, judged: str | None, environment: Environment) -> str | None:
    """Return the reason why a run's model must no longer become champion, or None.

    `judged` is the number of the champion with which the gate compared the run's model.
    """
    if rolled_back := environment.runs.read(run_id, ROLLED_BACK):
        return f"its version was rolled back to version {rolled_back.to}"
    champion = environment.registry.champion()
    if champion is None or champion.run_id == run_id or champion.number == judged:
        return None
    compared = f"version {judged}" if judged else "no champion"
    return f"version {champion.number} is champion now, but the gate compared this run with {compared}"


def promote(deployed_id: str, version: Version, judged: str | None, environment: Environment) -> str | None:
    """Make the version champion and return None, or return the reason why it must not be. Idempotent."""
    while True:
        # Read the champion first: a decision precedes the alias, so the decision read below is not older.
        champion = environment.registry.champion()
        decided, generation = _decisions(environment).read()
        why = objection(version.run_id, judged, environment)
        if decided and champion and champion.number == version.number != decided.version:
            # This version has the alias, but a later decision chose another version.
            _apply_decision(environment)
            why = why or f"version {decided.version} was made champion meanwhile"
        if why:
            return why
        mine = _decide(version, environment, generation)
        if mine is None:
            continue
        environment.registry.promote(deployed_id, version)
        if _decisions(environment).read()[1] == mine:
            return None


def roll_back(environment: Environment, to: str | None = None) -> tuple[Version, Version]:
    """Give traffic and alias to version `to`, by default to the former champion.

    Returns:
        The champion before the rollback, and the one after it.

    Raises:
        Permanent: there is no champion, or the version is not deployed.
    """
    before, now = environment.registry.champion_and(to)
    if before.number == now.number:
        return before, now
    environment.runs.write(before.run_id, ROLLED_BACK, RolledBack(to=now.number, at=datetime.now(UTC)))
    _decide(now, environment)
    _apply_decision(environment)
    return before, now


def is_decided(environment: Environment) -> bool:
    """Whether there was a promotion or rollback already."""
    return _decisions(environment).read()[0] is not None


def forget(environment: Environment) -> None:
    """Delete the last decision. Call this once all versions are removed."""
    _decisions(environment).remove(_decisions(environment).read()[1])


def _apply_decision(environment: Environment) -> None:
    """Make the version of the last decision serve."""
    while True:
        decided, generation = _decisions(environment).read()
        if decided:
            environment.registry.make_champion(decided.version)
        if _decisions(environment).read()[1] == generation:
            return


def _decide(version: Version, environment: Environment, generation: int | None = None) -> int | None:
    """Write the decision and return its generation; None if the stored one no longer has the given generation."""
    return _decisions(environment).replace(Decision(version.number, datetime.now(UTC)), generation)


def _decisions(environment: Environment) -> Guarded[Decision]:
    return Guarded(PATH, Decision, environment)
