"""Build recommendations after features-built, and daily: rules from baskets, and products for each visitor.

On     features-built          FeaturesBuilt(run_id, as_of)
       recommendations-due     the scheduler's tick: {}
Runs   sql/recommendations
Emits  recommendations-built   RecommendationsBuilt(run_id, as_of, method, rules, visitors)
       run-superseded          RunSuperseded(run_id, by)
       run-failed              RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.chain import recommending
from shared.chain.log_events import NothingToRecommend
from shared.chain.steps import Opening, Step
from shared.events import FeaturesBuilt, RecommendationsBuilt, RecommendationsDue, RunSuperseded
from shared.handler import handle
from shared.log import log

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.push import Message


@push.function
def build_recommendations(message: Message) -> None:
    """Open a separate run, run the step in it, and publish the event that it returns."""
    handle(message, STEP)


def open_run(_: Message, environment: Environment, now: datetime) -> RecommendationsDue | None:
    """Open a run on the current data and return its first event, or None if there are no data.

    The run's id depends on the data alone, so several messages about the same data open the same run.
    """
    found = recommending.look(environment, now)
    if found is None:
        log(NothingToRecommend())
        return None
    environment.runs.open(found)
    return found.event


def step(event: RecommendationsDue, context: StepContext) -> RecommendationsBuilt | RunSuperseded:
    """Replace the day's rules, recommendations and artefact, unless the artefact in use is newer."""
    if newer := recommending.newer_run(context):
        return RunSuperseded(event.run_id, newer)
    report = recommending.build(context)
    return RecommendationsBuilt(event.run_id, report.as_of, report.method, report.rules, report.visitors)


STEP = Step(
    "build_recommendations",
    step,
    opening=Opening(RecommendationsDue, (RecommendationsDue.topic, FeaturesBuilt.topic), open_run),
)
