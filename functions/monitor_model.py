"""Check the model's health daily. Ask for a training if that would help, or return to a better former champion.

On     monitoring-due    the scheduler's tick: {}
Runs   sql/monitoring, sql/features/training_rows.sql, sql/evaluation
Emits  model-monitored   ModelMonitored(run_id, state, reasons, returned)
       run-failed        RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from shared import push
from shared.chain import current, health, monitoring, pointer, promotion, run_ids, served
from shared.chain.documents import HEALTH, Health, Monitored
from shared.chain.log_events import HealthFound
from shared.chain.opened_runs import MonitoringRun
from shared.chain.steps import Opening, Step
from shared.events import ModelMonitored, MonitoringDue
from shared.handler import handle
from shared.log import log
from shared.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.chain.health import Finding
    from shared.push import Message

# Without the key of the pseudonyms, the function does not start. So a deployment without the key fails at once.
PSEUDONYMS = Pseudonyms.from_environment()


@push.function
def monitor_model(message: Message) -> None:
    """Open or find today's run, run the step in it, and publish the event that it returns."""
    handle(message, STEP)


def open_run(_: Message, environment: Environment, now: datetime) -> MonitoringDue:
    """Open today's run, unless it is open already, and return its first event."""
    today = now.date()
    as_of = current.newest_day(environment) or today
    event = MonitoringDue(run_ids.of_monitoring(as_of, today))
    environment.runs.open(MonitoringRun(opened_at=now, event=event, as_of=as_of, today=today))
    return event


def step(event: MonitoringDue, context: StepContext) -> ModelMonitored:
    """Run all checks, act on the findings, and replace the run's rows in table `model_health`."""
    of = monitoring.watched(context)
    found = [*monitoring.findings(of, context), *served.findings(of.champion, PSEUDONYMS, context)]
    returned = _return_to_former(of, found, context)
    reasons, held_back = monitoring.reasons_to_train(found, context)
    state = health.worst(found)
    asked = [] if held_back or returned else reasons
    context.runs.write(event.run_id, HEALTH, Health(state, found, asked, held_back, returned))
    _write_rows(found, of, context)
    for one in found:
        log(HealthFound(event.run_id, one.check, one.state, one.found))
    return ModelMonitored(event.run_id, state, asked, returned or "")


def _return_to_former(of: Monitored, found: Sequence[Finding], context: StepContext) -> str | None:
    """If the former champion is shown to be better, make it champion again and return its number; else return None."""
    worse = next((one for one in found if one.check == monitoring.FORMER and one.state != "fine"), None)
    if worse is None or of.former is None:
        return None
    # Roll back only if the champion is still the one that was judged: another delivery or run may have changed it.
    if context.registry.champion() == of.champion:
        cause = promotion.Cause("rolled_back", "monitor_model", worse.found)
        promotion.roll_back(context.environment, cause, of.former.number)
    pointer.follow(context.environment)
    promotion.record_moves(context.environment)
    return of.former.number if context.registry.champion() == of.former else None


def _write_rows(found: Sequence[Finding], of: Monitored, context: StepContext) -> None:
    parameters = {
        "run_id": context.run_id,
        "day": context.run_as(MonitoringRun).today,
        "model_version": of.champion.number if of.champion else "",
        "checks": [one.check for one in found],
        "states": [str(one.state) for one in found],
        "values": [_number(one.value) for one in found],
        "thresholds": [_number(one.threshold) for one in found],
        "found": [one.found for one in found],
    }
    context.warehouse.query("monitoring/health", parameters)


def _number(value: float | None) -> float:
    """Return the value as a float; NaN for None, because an array parameter cannot hold NULL."""
    return math.nan if value is None else float(value)


STEP = Step("monitor_model", step, opening=Opening(MonitoringDue, (MonitoringDue.topic,), open_run))
