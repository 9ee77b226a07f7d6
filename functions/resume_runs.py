"""Take up runs that stand still because an event was lost, and a champion's pointer that was left behind.

On     resume-due   the scheduler's tick: {}
Emits  whichever event each such run recorded last
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared import push
from shared.chain import pointer
from shared.chain.environment import environment
from shared.chain.log_events import RunResumed, RunUnreadable
from shared.log import log, log_exception

if TYPE_CHECKING:
    from shared.push import Message
# Runs by the newest data are looked at; what stood still before these is history.
MOST_RUNS = 100


@push.function
def resume_runs(_: Message) -> None:
    """Publish again what the last finished step of each standing run said; it knows whether that was done."""
    world = environment()
    before = datetime.now(UTC) - timedelta(minutes=world.settings.resume_after_minutes)
    for run_id in world.runs.ids()[: -MOST_RUNS - 1 : -1]:
        try:
            event = world.runs.standing_event(run_id, before)
            if event is not None:
                log(RunResumed(run_id, event.topic))
                world.publish(event)
        except Exception:  # noqa: BLE001 - one run that cannot be read must not keep the others
            log_exception(RunUnreadable(run_id, "resume_runs"))
    # After the runs, which can be taken up without Vertex AI.
    pointer.follow(world)
