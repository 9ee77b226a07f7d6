"""Build recommendations once features are built, and daily: rules from baskets, and products for each visitor.

On     features-built          FeaturesBuilt(run_id, as_of)
       recommendations-due     the scheduler's tick: {}
Runs   sql/recommendations
Emits  recommendations-built   RecommendationsBuilt(run_id, as_of, method, rules, visitors)
       run-superseded          RunSuperseded(run_id, by)
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from shared import push
from shared.chain import recommending
from shared.events import RecommendationsBuilt, RecommendationsDue, RunSuperseded
from shared.handler import decode_event, handle
from shared.log import log
from shared.log_events import NothingToRecommend

if TYPE_CHECKING:
    from shared.cloud import Clients, Cloud
    from shared.push import Message


@push.function
def build_recommendations(message: Message) -> None:
    """Open a run beside the chain's, run the step, publish what it returns."""
    handle(message, step, decode)


def decode(message: Message, clients: Clients) -> RecommendationsDue | None:
    """Open a run of its own for what the data are now, whichever event or tick asks; the same data are the same run."""
    if "run_id" in message.body:
        event = decode_event(message, clients)
        if isinstance(event, RecommendationsDue):
            return event
    found = recommending.look(clients)
    if found is None:
        log(NothingToRecommend())
        return None
    run_id, reads = found
    due = RecommendationsDue(run_id)
    clients.ledger.open_run(due, reads, datetime.now(UTC))
    return due


def step(event: RecommendationsDue, cloud: Cloud) -> RecommendationsBuilt | RunSuperseded:
    """Replace the day's rules and recommendations, and the artefact, unless those of newer data are served."""
    if newer := recommending.newer_run(cloud):
        return RunSuperseded(event.run_id, newer)
    report = recommending.build(cloud)
    as_of = date.fromisoformat(report["as_of"])
    return RecommendationsBuilt(event.run_id, as_of, report["method"], report["rules"], report["visitors"])
