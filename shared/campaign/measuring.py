"""Measure the campaigns: read the sums by arm, write the results, and store the effect of the current campaign."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import jsontext, measured_effect
from shared.campaign import results
from shared.chain import run_ids
from shared.chain.campaign_documents import EFFECTS, Effects
from shared.chain.guarded import Guarded
from shared.chain.opened_runs import CampaignsRun
from shared.events import CampaignsDue
from shared.measured_effect import MeasuredEffect, OnOutcome
from shared.warehouse import Statement

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext


def look(environment: Environment, now: datetime) -> CampaignsRun | None:
    """Return the document that opens today's run; None if no customer was assigned or no orders were read yet."""
    [state] = environment.query("campaign/state")
    if state["day"] is None:
        return None
    today = now.date()
    return CampaignsRun(
        opened_at=now,
        event=CampaignsDue(run_ids.of_campaigns(state["day"], today)),
        as_of=state["day"],
        first_assigned=state["first_day"],
    )


def measure(context: StepContext) -> Effects:
    """Measure all campaigns with the orders up to the run's day, replace the day's rows, and return the effects."""
    run, campaign = context.run_as(CampaignsRun), context.settings.campaign
    rows = context.warehouse.query(
        "campaign/sums",
        {
            "day": run.as_of,
            "first_day": run.first_assigned - timedelta(days=campaign.before_days - 1),
            "outcome_days": campaign.outcome_days,
            "before_days": campaign.before_days,
            "margin": campaign.margin,
            "cost_per_order": campaign.cost_per_order,
            "control_share": campaign.control_share,
            "holdout_share": campaign.holdout_share,
        },
    )
    found = results.results(results.read(rows), run.as_of, campaign)
    of_run = {"day": run.as_of, "run_id": context.run_id}
    context.warehouse.query_all(
        [
            Statement("campaign/results", {**of_run, "results": jsontext.text(found.results)}),
            Statement("campaign/uplift", {**of_run, "results": jsontext.text(found.deciles)}),
        ]
    )
    _keep(found, context)
    context.runs.write(context.run_id, EFFECTS, found)
    return found


def kept_run(environment: Environment) -> str | None:
    """Return the run that wrote the stored effect, or None if no effect is stored."""
    standing, _ = _document(environment).read()
    return standing.run_id if standing else None


def forget(environment: Environment) -> None:
    """Delete the stored effect, so that nothing uses it."""
    _, generation = _document(environment).read()
    _document(environment).remove(generation)


def _document(environment: Environment) -> Guarded[MeasuredEffect]:
    return Guarded(measured_effect.PATH, MeasuredEffect, environment)


def _keep(found: Effects, context: StepContext) -> None:
    """Store the effect of the current campaign, unless the stored effect is of a later day."""
    mine = [
        one for one in found.results if one.comparison == "control" and one.campaign == context.settings.campaign.name
    ]
    if not mine:
        return
    newest = max(mine, key=lambda one: (one.last_assigned, one.share)).share
    effect = MeasuredEffect(
        found.day,
        context.run_id,
        context.settings.campaign.name,
        newest,
        {
            one.outcome: OnOutcome(one.decision, one.effect, one.always_lower, one.always_upper)
            for one in mine
            if one.share == newest
        },
    )
    document = _document(context.environment)
    while True:
        standing, generation = document.read()
        if standing == effect or (standing and standing.day > effect.day):
            return
        if document.replace(effect, generation) is not None:
            return
