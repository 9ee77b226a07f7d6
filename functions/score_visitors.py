"""Score everyone active in the window with the champion: after a deployment, and daily.

On     model-deployed    ModelDeployed(run_id, version)
       scoring-due       the scheduler's tick: {}
Runs   sql/scoring/scores.sql
Emits  visitors-scored   VisitorsScored(run_id, day, version)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from shared import offers, push
from shared.chain import run_ids
from shared.chain.documents import DEPLOYMENT, ScoringRun
from shared.chain.log_events import NothingToScore
from shared.chain.steps import Opening, Step
from shared.champion import POINTER
from shared.errors import Permanent
from shared.events import ModelDeployed, ScoringDue, VisitorsScored
from shared.handler import handle
from shared.log import log

if TYPE_CHECKING:
    from shared.chain.environment import Environment, StepContext
    from shared.chain.versions import Version
    from shared.push import Message


@push.function
def score_visitors(message: Message) -> None:
    """Read the deployment or the tick, run the step, publish what it returns."""
    handle(message, STEP)


def open_run(_: Message, environment: Environment, now: datetime) -> ScoringDue | None:
    """Open a run of its own for a tick: one a day of data and champion, however often the scheduler fires.

    A champion that comes back, by a rollback, is told from its first time by its pointer, which was written anew.
    """
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
    """Replace the day's partition of `scores`; the champion of this moment scores, whichever run asks.

    Raises:
        Permanent: no version is the champion.
    """
    day = context.run.as_of
    parameters = {
        "day": day,
        "from_day": day - timedelta(days=context.settings.audience.window_days - 1),
        "run_id": event.run_id,
    }
    scored = None
    while True:
        champion = context.registry.champion()
        if champion is None:
            raise Permanent("no version of the registered model is the champion")
        if champion == scored:
            return VisitorsScored(event.run_id, day, champion.number)
        # A version that became champion while another scored may have scored before it.
        of_champion = {**thresholds_of(champion, context), "version": champion.number}
        context.warehouse.query("scoring/scores", parameters | of_champion, model=champion.model)
        scored = champion


def thresholds_of(champion: Version, context: StepContext) -> dict[str, float]:
    """Return the policy's thresholds for the champion, as the statement names them."""
    deployment = context.runs.read(champion.run_id, DEPLOYMENT)
    least = offers.thresholds(context.settings.policy, deployment.percentiles if deployment else [])
    return {"coupon_from": least.coupon, "full_price_from": least.full_price}


STEP = Step("score_visitors", step, opening=Opening(ScoringDue, (ScoringDue.topic,), open_run))
