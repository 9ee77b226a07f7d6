"""Score all visitors who were active in the last `audience.window_days` days, with the champion.

On     model-deployed    ModelDeployed(run_id, version)
       scoring-due       {} from the scheduler or watch_checkouts; or ScoringDue(run_id) from a step of the run
       model-monitored   ModelMonitored(run_id, state, reasons, returned): a former version may be champion again
Runs   sql/scoring/scores.sql
Emits  visitors-scored   VisitorsScored(run_id, day, version)
       run-failed        RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain import run_ids, scoring
from shared.chain.documents import DEPLOYMENT
from shared.chain.log_events import NothingToScore
from shared.chain.opened_runs import ScoringRun
from shared.chain.steps import Opening, Step
from shared.champion import POINTER
from shared.errors import Permanent
from shared.events import ModelDeployed, ModelMonitored, ScoringDue, VisitorsScored
from shared.handler import handle
from shared.log import log

if TYPE_CHECKING:
    from datetime import date, datetime

    from shared.chain.environment import Environment, StepContext
    from shared.push import Message


@push.function
def score_visitors(message: Message) -> None:
    """Run the step in the run that the message names, or in a new run, and publish the event that it returns."""
    handle(message, STEP)


def open_run(message: Message, environment: Environment, now: datetime) -> ScoringDue | None:
    """Open a run for a scheduled message, or after a return to a former champion, and return its first event.

    Return None if there is no champion or no session. Also return None for a message of monitoring that has not changed
    the champion. Messages with the same data and champion open the same run. If a rollback makes a version champion
    again, that version scores again: the run's id differs, because the champion's pointer has a new generation.
    """
    if message.topic == ModelMonitored.topic and not ModelMonitored.from_json(message.body).returned:
        return None
    [newest] = environment.query("scoring/newest_day")
    champion = environment.registry.champion()
    if champion is None or newest["day"] is None:
        log(NothingToScore())
        return None
    day: date = newest["day"]
    pointer = environment.bucket.get_blob(POINTER)
    since = pointer.generation if pointer else 0
    event = ScoringDue(run_ids.of_scoring(day, newest["session_count"], champion.number, since))
    environment.runs.open(ScoringRun(opened_at=now, event=event, as_of=day))
    return event


def step(event: ModelDeployed | ScoringDue, context: StepContext) -> VisitorsScored:
    """Replace the day's partition of `scores` with scores of the current champion.

    The champion need not be the version that the run has deployed: another version may have been promoted since.

    Raises:
        Permanent: there is no champion.
    """
    scored = None
    while True:
        champion = context.registry.champion()
        if champion is None:
            raise Permanent("no version of the registered model has the alias champion")
        if champion == scored:
            return VisitorsScored(event.run_id, context.run.as_of, champion.number)
        # If the champion changes during the scoring, score again: the old champion's scores may have replaced scores
        # that another run wrote with the new champion.
        deployment = context.runs.read(champion.run_id, DEPLOYMENT)
        scoring.score(champion, deployment.percentiles if deployment else [], context)
        scored = champion


STEP = Step("score_visitors", step, opening=Opening(ScoringDue, (ScoringDue.topic, ModelMonitored.topic), open_run))
