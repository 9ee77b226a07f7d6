"""Take up runs that stand still because an event was lost.

On     resume-due   the scheduler's tick: {}
Emits  whichever event each such run recorded last
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import functions_framework

from shared.cloud import clients
from shared.log import log

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent


@functions_framework.cloud_event
def resume_runs(_: CloudEvent) -> None:
    """Publish again what the last finished step of each standing run said; it knows whether that was done."""
    world = clients()
    before = datetime.now(UTC) - timedelta(minutes=world.settings.resume_after_minutes)
    for run_id in world.ledger.runs():
        event = world.ledger.standing_event(run_id, before)
        if event is not None:
            log("WARNING", f"run {run_id} stands still: {event.topic} is published again", run_id=run_id)
            world.publish(event)
