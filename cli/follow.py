"""Watch runs until they end."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from shared.chain.environment import Environment
from shared.chain.opened_runs import DeliveryRun
from shared.chain.refreshes import reasons
from shared.chain.run_state import BESIDE, STEPS, Run, read
from shared.chain.runs import Runs
from shared.dead_letters import DeadLetters
from shared.destinations.documents import PLAN
from shared.destinations.requests import Requests
from shared.events import DataRefreshed, RecommendationsDue


def until_end(
    environment: Environment,
    known: set[str],
    letters: set[str],
    wait: Callable[[float], object] = time.sleep,
    limit_seconds: float = 1800,
    topic: str = DataRefreshed.topic,
    wanted_for: str | None = None,
) -> Iterator[Run | None]:
    """Wait for a new run that a message on `topic` opens. Yield the run's state repeatedly, until the run has ended.

    A run is new if its id is not in `known`. If `wanted_for` is given, the run's reasons must include the reasons
    that `wanted_for` lists. While there is no such run, yield None. Stop early if a step's message became a dead
    letter that is not in `letters`: then no run will be opened, or the run will not continue. `wait` pauses for at
    most the given seconds.

    Raises:
        TimeoutError: the run has not ended within the limit.
    """
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        new = (run for run in _new(environment.runs, known) if run.topic == topic)
        run = next(
            (run for run in new if wanted_for is None or set(reasons(wanted_for)) <= set(reasons(run.wanted_for))), None
        )
        yield run
        if run and run.has_ended:
            return
        if (run is None or run.failures) and _letters_of_steps(environment.dead_letters) - letters:
            return
        wait(0.3)
    raise TimeoutError(f"the run has not ended within {limit_seconds:.0f} seconds")


def _letters_of_steps(dead_letters: DeadLetters) -> set[str]:
    """Return the names of the dead letters whose function is a step."""
    steps = (*STEPS, *BESIDE)
    wrote = {name: letter.function.rpartition("/")[2] for name, letter in dead_letters.all().items()}
    return {name for name, function in wrote.items() if function.replace("-", "_").startswith(steps)}


def beside(runs: Runs, known: set[str]) -> bool:
    """Return whether a run that builds recommendations was opened in addition to the runs in `known`.

    No such run is opened if the data have recommendations already.
    """
    return any(run.topic == RecommendationsDue.topic for run in _new(runs, known))


def settled(environment: Environment, run_ids: list[str]) -> set[str]:
    """Return the destinations to which the delivery runs among `run_ids` have sent all batches.

    A request of such a batch may still be open, because a platform reports the status of a request only minutes later.
    """
    found = set()
    for run_id in run_ids:
        opened, plan = environment.runs.find(run_id), environment.runs.read(run_id, PLAN)
        if plan is None or not isinstance(opened, DeliveryRun):
            continue
        requests = Requests(opened.destination, environment)
        soon = datetime.now(UTC) + timedelta(minutes=1)
        is_sent = len(requests.places_of(run_id)) >= len(plan.batches)
        if is_sent and all(one.look_at > soon for one in requests.open()):
            found.add(opened.destination)
    return found


def _new(runs: Runs, known: set[str]) -> Iterator[Run]:
    return (read(runs, run_id) for run_id in runs.ids() if run_id not in known)
