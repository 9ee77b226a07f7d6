"""Who becomes champion, decided in one place: aliases have no precondition, but an object in the bucket has.

`serving/promotion.json` holds the last decision, a promotion or a rollback. Whoever decides replaces it first, and only
if nobody has since they looked. Then traffic and alias are moved, and moved again while another decision came between.
So a rollback is never undone by a deployment that was under way, whichever of the two moves the alias last.
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
    """Return why a run's model must not become champion any more, or None.

    `judged` is the number of the champion that the gate held the run's model against.
    """
    if rolled_back := environment.runs.read(run_id, ROLLED_BACK):
        return f"its version was rolled back to version {rolled_back.to}"
    champion = environment.registry.champion()
    if champion is None or champion.run_id == run_id or champion.number == judged:
        return None
    return f"version {champion.number} is champion by now, and this run was judged against {judged or 'none'}"


def promote(deployed_id: str, version: Version, judged: str | None, environment: Environment) -> str | None:
    """Make the version champion, or return why it must not be; a second time changes nothing."""
    while True:
        # Read first: a version is decided on before it gets the alias, so what is read afterwards is no older.
        champion = environment.registry.champion()
        decided, generation = _decisions(environment).read()
        why = objection(version.run_id, judged, environment)
        if decided and champion and champion.number == version.number != decided.version:
            # The alias was moved although another version was decided on after this one.
            _stand(environment)
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
    """Give traffic and alias to version `to`, or to the one deployed before the champion.

    Returns:
        The champion of before and the one of now.

    Raises:
        Permanent: there is no champion, or the version cannot serve.
    """
    before, now = environment.registry.champion_and(to)
    if before.number == now.number:
        return before, now
    environment.runs.write(before.run_id, ROLLED_BACK, RolledBack(to=now.number, at=datetime.now(UTC)))
    _decide(now, environment)
    _stand(environment)
    return before, now


def is_decided(environment: Environment) -> bool:
    """Whether anybody has decided yet."""
    return _decisions(environment).read()[0] is not None


def forget(environment: Environment) -> None:
    """Remove the last decision, once there are no versions any more."""
    _decisions(environment).remove(_decisions(environment).read()[1])


def _stand(environment: Environment) -> None:
    """Have the version serve that was decided on last."""
    while True:
        decided, generation = _decisions(environment).read()
        if decided:
            environment.registry.stand(decided.version)
        if _decisions(environment).read()[1] == generation:
            return


def _decide(version: Version, environment: Environment, generation: int | None = None) -> int | None:
    """Write the decision and return its generation; None if another was made since the given generation."""
    return _decisions(environment).replace(Decision(version.number, datetime.now(UTC)), generation)


def _decisions(environment: Environment) -> Guarded[Decision]:
    return Guarded(PATH, Decision, environment)
