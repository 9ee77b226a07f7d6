"""Return to the former champion if a new champion fails at the checkout.

On     checkouts-due   the scheduler's tick: {}
Runs   sql/monitoring/answers.sql
Emits  scoring-due     {}: the former champion scores the visitors again
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared import push
from shared.chain import answers, pointer, promotion
from shared.chain.answers import Answers
from shared.chain.environment import environment
from shared.chain.log_events import ChampionReturned
from shared.events import ScoringDue
from shared.log import log

if TYPE_CHECKING:
    from shared.chain.environment import Environment
    from shared.chain.promotion import Move
    from shared.push import Message

NAME = "watch_checkouts"
# The new champion's faults are compared with those of the former champion in this period before the promotion.
FORMER_DAY = timedelta(days=1)
# For this time after a return to the former champion, each scheduled message repeats the last writes of the return. The
# function may have died before these writes.
REPEATED = timedelta(minutes=30)


@push.function
def watch_checkouts(_: Message) -> None:
    """Judge the new champion by the checkouts that it has scored, and roll back if it fails.

    A champion is judged only in the first `monitoring.early_hours` after its promotion.
    """
    world, now = environment(), datetime.now(UTC)
    last = next(iter(promotion.moves(world)[-1:]), None)
    if last is None:
        return
    if last.kind == "promoted" and now - last.decided_at < timedelta(hours=world.settings.monitoring.early_hours):
        _judge(last, now, world)
    elif last.decided_by == NAME and now - last.decided_at < REPEATED:
        _carry_out(world)


def _judge(move: Move, now: datetime, world: Environment) -> None:
    champion = world.registry.champion()
    if not move.from_version or champion is None or champion.number != move.to_version:
        # Do not judge: there was no former champion, or the process that decided the promotion has not yet moved the
        # alias.
        return
    served = answers.of_version(_counted(move.decided_at, now, world), move.to_version)
    before = answers.of_version(_counted(move.decided_at - FORMER_DAY, move.decided_at, world), move.from_version)
    if reason := answers.reason_to_return(served, before):
        promotion.roll_back(world, promotion.Cause("rolled_back", NAME, reason), move.from_version)
        log(ChampionReturned(move.to_version, move.from_version, reason))
        _carry_out(world)


def _counted(since: datetime, until: datetime, world: Environment) -> list[Answers]:
    rows = world.query("monitoring/answers", answers.parameters(since, until, world.settings))
    return [Answers(**row) for row in rows]


def _carry_out(world: Environment) -> None:
    pointer.follow(world)
    promotion.record_moves(world)
    # A repeated message is harmless: messages about the same champion and day open the same run.
    world.send(ScoringDue.topic, {})
