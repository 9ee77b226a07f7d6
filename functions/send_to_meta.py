"""Send the audience's changes to a Custom Audience of Meta.

On     customers-resolved   CustomersResolved(run_id, day, customers): opens a delivery run
       members-due          the scheduler's tick: {}, or MembersDue(run_id)
Runs   sql/destinations
Emits  members-delivered    MembersDelivered(run_id, destination, members)
       run-superseded       RunSuperseded(run_id, by)
       run-failed           RunFailed(run_id, step): published by shared/handler.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import push
from shared.destinations.meta import MetaDestination, token
from shared.destinations.step import step_of
from shared.handler import handle

if TYPE_CHECKING:
    from shared.chain.environment import Environment
    from shared.push import Message

# Without the access token, the function does not start. So a deployment without the token fails at once.
TOKEN = token()


@push.function
def send_to_meta(message: Message) -> None:
    """Run the step in a new delivery run or in the destination's current run, and publish the returned event."""
    handle(message, STEP)


def find(environment: Environment) -> MetaDestination | None:
    """Return the destination, or None if the destination's mode is off."""
    settings = environment.settings.meta
    return None if settings.mode == "off" else MetaDestination(settings, TOKEN)


STEP = step_of("send_to_meta", MetaDestination.name, find)
