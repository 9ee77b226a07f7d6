"""Resume runs that are stalled because an event was lost, and update the champion's pointer.

On     resume-due   the scheduler's tick: {}
Emits  the last recorded event of each stalled run
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared import push
from shared.chain import pointer
from shared.chain.environment import environment
from shared.chain.log_events import RunResumed, RunUnreadable
from shared.destinations.claims import is_followed
from shared.log import log, log_exception

if TYPE_CHECKING:
    from shared.push import Message
# Maximum number of runs that are checked. The runs with the newest data are checked first.
MOST_RUNS = 100


@push.function
def resume_runs(_: Message) -> None:
    """Publish the last event of each stalled run again. A step that has handled the event already ignores it.

    A delivery run that waits for a platform is left alone: the ticks of members-due continue the run.
    """
    world = environment()
    before = datetime.now(UTC) - timedelta(minutes=world.settings.resume_after_minutes)
    for run_id in world.runs.ids()[: -MOST_RUNS - 1 : -1]:
        try:
            event = world.runs.stalled_event(run_id, before)
            if event is not None and not is_followed(run_id, world):
                log(RunResumed(run_id, event.topic))
                world.publish(event)
        except Exception:  # noqa: BLE001 - a run that cannot be read must not block the others
            log_exception(RunUnreadable(run_id, "resume_runs"))
    # Update the pointer last. If Vertex AI is unavailable, the update fails, and the runs have been resumed already.
    pointer.follow(world)
