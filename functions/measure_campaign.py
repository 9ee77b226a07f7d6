"""Measure the effects daily: of each campaign against its control group, and of all campaigns against the holdout.

On     campaigns-due        the scheduler's tick: {}
Runs   sql/campaign
Emits  campaigns-measured   CampaignsMeasured(run_id, day, gains, losses, mismatches)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shared import push
from shared.campaign import measuring, wording
from shared.campaign.log_events import EffectFound, MeasuredAlready, NothingToMeasure, SizesDiffer
from shared.chain.steps import Opening, Step
from shared.events import CampaignsDue, CampaignsMeasured
from shared.handler import handle
from shared.log import log

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.campaign_documents import Effects
    from shared.chain.environment import Environment, StepContext
    from shared.push import Message


@push.function
def measure_campaign(message: Message) -> None:
    """Open or find today's run, run the step in it, and publish the event that it returns."""
    handle(message, STEP)


def open_run(message: Message, environment: Environment, now: datetime) -> CampaignsDue | None:
    """Open today's run, unless it is open already, and return its first event; None if there is nothing to measure.

    The run's id depends on the newest day that was read and on today. So a second message on the same day measures
    again only if a newer day was read.
    """
    found = measuring.look(environment, now)
    if found is None:
        log(NothingToMeasure())
        return None
    environment.runs.open(found)
    done = environment.runs.record(found.event.run_id, STEP.name)
    if done and done.message_id != message.id:
        log(MeasuredAlready(found.event.run_id))
    return found.event


def step(event: CampaignsDue, context: StepContext) -> CampaignsMeasured:
    """Replace the day's rows in campaign_results and campaign_uplift, and log each effect."""
    found = measuring.measure(context)
    _tell(found, event.run_id)
    counts = Counter(one.decision for one in found.results)
    return CampaignsMeasured(event.run_id, found.day, counts["gain"], counts["loss"], counts["mismatch"])


def _tell(found: Effects, run_id: str) -> None:
    told = set()
    for one in found.results:
        of = (run_id, one.campaign, one.comparison)
        log(EffectFound(*of, one.outcome, one.decision, wording.sentence(one)))
        if one.decision == "mismatch" and (*of, one.share) not in told:
            told.add((*of, one.share))
            log(SizesDiffer(*of, wording.mismatch(one)))


STEP = Step("measure_campaign", step, opening=Opening(CampaignsDue, (CampaignsDue.topic,), open_run))
