"""`propensity smoke-test`: a run of the whole chain shows that what is deployed works, or the champion returns."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from cli import follow
from cli.errors import CommandError
from cli.rollback import roll_back
from shared.errors import Permanent
from shared.events import DataRefreshed

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.follow import Run
    from shared.chain.environment import Environment

# Each look lists the bucket, which costs, and a run takes many minutes there.
PAUSE_SECONDS = 10


def run(
    environment: Environment, reason: str, limit_seconds: float, wait: Callable[[float], object] = time.sleep
) -> Run:
    """Ask for a run on the data as they are, for that reason, and return it once it has ended well.

    A model that the gate rejects is a good end. After any other, the champion of before serves again if the run had
    replaced it.

    Raises:
        CommandError: the run failed, was never opened, or has not ended in time; says what became of the champion.
    """
    known, letters = set(environment.runs.ids()), set(environment.dead_letters.all())
    environment.send(DataRefreshed.topic, {"reason": reason})
    pause = partial(_pause, wait)
    states = follow.until_end(environment, known, letters, pause, limit_seconds, wanted_for=reason)
    last, problem = None, ""
    try:
        for last in states:  # noqa: B007 - only the last one counts
            pass
    except TimeoutError as error:
        problem = str(error)
    if last and last.outcome in {"published", "rejected"}:
        return last
    found = f"run {last.run_id} is {last.outcome}: {last.reason or problem}" if last else problem or "no run was opened"
    raise CommandError(f"the smoke test failed, {found}; `propensity runs` shows more. {_restored(last, environment)}")


def _pause(wait: Callable[[float], object], _: float) -> None:
    wait(PAUSE_SECONDS)


def _restored(run: Run | None, environment: Environment) -> str:
    """Have the champion of before serve again if this run's model has taken its place, and say who serves."""
    champion = environment.registry.champion()
    if run is None or champion is None or champion.run_id != run.run_id:
        return "It has changed no champion."
    try:
        _, former = roll_back(environment)
    except Permanent as error:
        return f"Its model, version {champion.number}, is champion: {error}."
    return f"Its model, version {champion.number}, was champion; version {former.number} is again."
