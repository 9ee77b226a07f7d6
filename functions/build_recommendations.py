"""Build recommendations once features are built, and daily: rules from baskets, and products for each visitor.

On     features-built          FeaturesBuilt(run_id, as_of)
       recommendations-due     the scheduler's tick: {}
Runs   sql/recommendations
Emits  recommendations-built   RecommendationsBuilt(run_id, as_of, method, rules, visitors)
       run-superseded          RunSuperseded(run_id, by)
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
    """Open a run beside the chain's, run the step, publish what it returns."""
    handle(message, STEP)


def open_run(_: Message, environment: Environment, now: datetime) -> RecommendationsDue | None:
    """Open a run of its own for what the data are now, whichever event or tick asks; the same data are the same run."""
    found = recommending.look(environment, now)
    if found is None:
        log(NothingToRecommend())
        return None
    environment.runs.open(found)
    return found.event


def step(event: RecommendationsDue, context: StepContext) -> RecommendationsBuilt | RunSuperseded:
    """Replace the day's rules and recommendations, and the artefact, unless those of newer data are served."""
    if newer := recommending.newer_run(context):
        return RunSuperseded(event.run_id, newer)
    report = recommending.build(context)
    return RecommendationsBuilt(event.run_id, report.as_of, report.method, report.rules, report.visitors)


STEP = Step(
    "build_recommendations",
    step,
    opening=Opening(RecommendationsDue, (RecommendationsDue.topic, FeaturesBuilt.topic), open_run),
)
