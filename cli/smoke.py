"""`propensity smoke-test`: test a deployment with a run of the whole chain, and roll back if the run fails."""

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

    from shared.chain.environment import Environment
    from shared.chain.run_state import Run

# Seconds between two checks of the run. Each check lists the bucket, which costs money, and a run takes many minutes.
PAUSE_SECONDS = 10


def run(
    environment: Environment, reason: str, limit_seconds: float, wait: Callable[[float], object] = time.sleep
) -> Run:
    """Start a run on the current data with this reason, and return the run once it has ended successfully.

    A rejection by the gate counts as success. If the run fails after it replaced the champion, the former champion
    serves again.

    Raises:
        CommandError: the run failed, was never opened, or has not ended in time; the message names the champion.
    """
    known, letters = set(environment.runs.ids()), set(environment.dead_letters.all())
    environment.send(DataRefreshed.topic, {"reason": reason})
    pause = partial(_pause, wait)
    states = follow.until_end(environment, known, letters, pause, limit_seconds, wanted_for=reason)
    last, problem = None, ""
    try:
        for last in states:  # noqa: B007 - only the last state matters
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
    """Roll back if the model of `run` is the champion. Return a sentence that says which version is champion now."""
    champion = environment.registry.champion()
    if run is None or champion is None or champion.run_id != run.run_id:
        return "The champion has not changed."
    try:
        _, former = roll_back(environment, f"the smoke test of run {run.run_id} failed", "smoke-test")
    except Permanent as error:
        return f"Its model, version {champion.number}, is still champion: {error}."
    return f"Its model, version {champion.number}, was champion; version {former.number} is champion again."
