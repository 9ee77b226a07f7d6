"""Who becomes champion, decided in one place: aliases have no precondition, but an object in the bucket has.

`serving/promotion.json` holds the last decision, a promotion or a rollback. Whoever decides replaces it first, and only
if nobody has since they looked. Then traffic and alias are moved, and moved again while another decision came between.
So a rollback is never undone by a deployment that was under way, whichever of the two moves the alias last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from shared.chain.guarded import Guarded

if TYPE_CHECKING:
    from shared.chain.registry import Version
    from shared.cloud import Clients

PATH = "serving/promotion.json"
ROLLED_BACK = "rolled_back"


class Decision(msgspec.Struct, frozen=True):
    """The version that is to serve."""

    version: str
    decided_at: datetime


def objection(run_id: str, judged: str | None, clients: Clients) -> str | None:
    """Return why a run's model must not become champion any more, or None.

    `judged` is the number of the champion that the gate held the run's model against.
    """
    if rolled_back := clients.ledger.read(run_id, ROLLED_BACK):
        return f"its version was rolled back to version {rolled_back['to']}"
    champion = clients.registry.champion()
    if champion is None or champion.run_id == run_id or champion.number == judged:
        return None
    return f"version {champion.number} is champion by now, and this run was judged against {judged or 'none'}"


def promote(deployed_id: str, version: Version, judged: str | None, clients: Clients) -> str | None:
    """Make the version champion, or return why it must not be; a second time changes nothing."""
    while True:
        # Read first: a version is decided on before it gets the alias, so what is read afterwards is no older.
        champion = clients.registry.champion()
        decided, generation = _decisions(clients).read()
        why = objection(version.run_id, judged, clients)
        if decided and champion and champion.number == version.number != decided.version:
            # The alias was moved although another version was decided on after this one.
            _stand(clients)
            why = why or f"version {decided.version} was made champion meanwhile"
        if why:
            return why
        mine = _decide(version, clients, generation)
        if mine is None:
            continue
        clients.registry.promote(deployed_id, version)
        if _decisions(clients).read()[1] == mine:
            return None


def roll_back(clients: Clients, to: str | None = None) -> tuple[Version, Version]:
    """Give traffic and alias to version `to`, or to the one deployed before the champion.

    Returns:
        The champion of before and the one of now.

    Raises:
        Permanent: there is no champion, or the version cannot serve.
    """
    before, now = clients.registry.champion_and(to)
    if before.number == now.number:
        return before, now
    clients.ledger.write(before.run_id, ROLLED_BACK, {"to": now.number, "at": datetime.now(UTC)})
    _decide(now, clients)
    _stand(clients)
    return before, now


def is_decided(clients: Clients) -> bool:
    """Whether anybody has decided yet."""
    return _decisions(clients).read()[0] is not None


def forget(clients: Clients) -> None:
    """Remove the last decision, once there are no versions any more."""
    _decisions(clients).remove(_decisions(clients).read()[1])


def _stand(clients: Clients) -> None:
    """Have the version serve that was decided on last."""
    while True:
        decided, generation = _decisions(clients).read()
        if decided:
            clients.registry.stand(decided.version)
        if _decisions(clients).read()[1] == generation:
            return


def _decide(version: Version, clients: Clients, generation: int | None = None) -> int | None:
    """Write the decision and return its generation; None if another was made since the given generation."""
    return _decisions(clients).replace(Decision(version.number, datetime.now(UTC)), generation)


def _decisions(clients: Clients) -> Guarded[Decision]:
    return Guarded(PATH, Decision, clients)
