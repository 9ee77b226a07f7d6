"""Decide which version becomes champion: promotion and rollback.

The registry cannot move an alias conditionally, but the bucket can replace an object conditionally. Therefore
`serving/promotion.json` holds the last decision, a promotion or a rollback. A process first replaces this object, on
the condition that no other process has changed it since the read. Then the process moves traffic and alias. If another
decision was written in the meantime, the process starts again. So a concurrent deployment cannot undo a rollback, even
if the deployment moves the alias last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from shared.chain.documents import ROLLED_BACK, RolledBack
from shared.chain.guarded import Guarded

if TYPE_CHECKING:
    from shared.chain.environment import Environment
    from shared.chain.versions import Version

PATH = "serving/promotion.json"
# Maximum number of moves that are stored with the decision. Older moves are only in the table champion_history.
MOST_MOVES = 100


class Move(msgspec.Struct, frozen=True):
    """A change of the champion from one version to another, with the decider and the reason.

    `number` counts the moves from 1. `from_version` is empty if `to_version` was the first champion. `run_id` is the
    run that made `to_version`.
    """

    number: int
    decided_at: datetime
    kind: Literal["promoted", "rolled_back"]
    from_version: str
    to_version: str
    run_id: str
    decided_by: str
    reason: str


class Cause(NamedTuple):
    """Who decided that another version becomes champion, and why."""

    kind: Literal["promoted", "rolled_back"]
    decided_by: str
    reason: str


class Decision(msgspec.Struct, frozen=True):
    """The version that must serve, and the latest moves.

    The moves are also in the table champion_history. They are stored here as well, so that no move is lost if a process
    dies before it writes the table.
    """

    version: str
    decided_at: datetime
    moves: list[Move] = []


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


def promote(
    deployed_id: str, version: Version, judged: str | None, reason: str, environment: Environment
) -> str | None:
    """Make the version champion and return None, or return why it must not become champion. Idempotent."""
    while True:
        # Read the champion first, then the decision. Each process writes its decision before it moves the alias. So if
        # the two differ here, the decision is newer than the champion.
        champion = environment.registry.champion()
        decided, generation = _decisions(environment).read()
        why = objection(version.run_id, judged, environment)
        if decided and champion and champion.number == version.number != decided.version:
            # This version has the alias, but a later decision chose another version. So carry out the later decision.
            _apply_decision(environment)
            why = why or f"version {decided.version} was made champion meanwhile"
        if why:
            return why
        mine = _decide(version, Cause("promoted", "deploy_model", reason), environment, (decided, generation), champion)
        if mine is None:
            continue
        environment.registry.promote(deployed_id, version)
        if _decisions(environment).read()[1] == mine:
            return None


def roll_back(environment: Environment, cause: Cause, to: str | None = None) -> tuple[Version, Version]:
    """Give all traffic and the alias to version `to`, by default to the former champion.

    Returns:
        The champion before the rollback, and the champion after the rollback.

    Raises:
        Permanent: there is no champion, or the version is not deployed.
    """
    before, now = environment.registry.champion_and(to)
    if before.number == now.number:
        return before, now
    environment.runs.write(before.run_id, ROLLED_BACK, RolledBack(to=now.number, at=datetime.now(UTC)))
    while _decide(now, cause, environment, _decisions(environment).read(), before) is None:
        pass
    _apply_decision(environment)
    return before, now


def moves(environment: Environment) -> list[Move]:
    """Return the latest moves of the champion, the oldest first."""
    decided, _ = _decisions(environment).read()
    return decided.moves if decided else []


def record_moves(environment: Environment) -> None:
    """Write the latest moves to the table champion_history, except those that the table has already. Idempotent."""
    found = moves(environment)
    if not found:
        return
    columns = {
        "numbers": [move.number for move in found],
        "decided_at": [move.decided_at for move in found],
        "kinds": [move.kind for move in found],
        "from_versions": [move.from_version for move in found],
        "to_versions": [move.to_version for move in found],
        "run_ids": [move.run_id for move in found],
        "decided_by": [move.decided_by for move in found],
        "reasons": [move.reason for move in found],
    }
    environment.query("champion/record_moves", columns)


def is_decided(environment: Environment) -> bool:
    """Return whether a decision is stored, i.e. a promotion or a rollback."""
    return _decisions(environment).read()[0] is not None


def forget(environment: Environment) -> None:
    """Delete the stored decision. Call this only after all versions were removed."""
    _decisions(environment).remove(_decisions(environment).read()[1])


def _apply_decision(environment: Environment) -> None:
    """Make the version of the last decision the champion; do nothing if there is no decision."""
    while True:
        decided, generation = _decisions(environment).read()
        if decided:
            environment.registry.make_champion(decided.version)
        if _decisions(environment).read()[1] == generation:
            return


def _decide(
    version: Version,
    cause: Cause,
    environment: Environment,
    before: tuple[Decision | None, int],
    champion: Version | None,
) -> int | None:
    """Write the decision and return its generation; None if another decision was written after `before`."""
    former, generation = before
    serving = former.version if former else champion.number if champion else ""
    moves = former.moves if former else []
    decision = _next(moves, serving, version, cause, datetime.now(UTC))
    return _decisions(environment).replace(decision, generation)


def _next(moves: list[Move], serving: str, version: Version, cause: Cause, now: datetime) -> Decision:
    """Return the decision that `version` must serve. If another version served so far, add a move to `moves`.

    `serving` is the number of the version that has served so far, or "" if there was none.
    """
    if serving == version.number:
        return Decision(version.number, now, moves)
    number = moves[-1].number + 1 if moves else 1
    move = Move(number, now, cause.kind, serving, version.number, version.run_id, cause.decided_by, cause.reason)
    return Decision(version.number, now, [*moves, move][-MOST_MOVES:])


def _decisions(environment: Environment) -> Guarded[Decision]:
    return Guarded(PATH, Decision, environment)
