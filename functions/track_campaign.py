"""Take the events of campaigns, and suppress customers who complain, unsubscribe or cannot be reached.

On     campaign-events   CampaignEvent, or {"events": [CampaignEvent, ...]}: shared/tracking/contract.py
Runs   sql/tracking
Logs   the numbers of stored and refused events, without personal data
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import dead_letters, jsontext, push
from shared.clients import clients
from shared.errors import Malformed, Permanent
from shared.log import log
from shared.tracking import contract, recording
from shared.tracking.log_events import EventsTracked

if TYPE_CHECKING:
    from shared.clients import Clients
    from shared.push import Message
    from shared.tracking.contract import Refused
NAME = "track_campaign"
# Maximum number of refused events for which the dead letter gives the reasons.
NAMED = 5


@push.function
def track_campaign(message: Message) -> None:
    """Write the message's events. Publish all refused events in one dead letter.

    A second delivery of the message adds no suppression, and does not count the events again.
    """
    world = clients()
    try:
        events, refused = contract.read(message.body, message.published_at)
        suppressing = recording.record(events, message.published_at, world)
    except Permanent as error:
        dead_letters.reject(message, error, NAME, world)
        return
    if refused:
        reject(message, refused, world)
    log(EventsTracked(len(events), suppressing, len(refused)))


def reject(message: Message, refused: list[Refused], world: Clients) -> None:
    """Publish a dead letter that holds only the refused events, with the reasons for the first NAMED events."""
    content = jsontext.encode({"events": [one.event for one in refused]})
    reasons = [f"events[{number}]: {one.reason}" for number, one in enumerate(refused[:NAMED])]
    more = [f"{len(refused) - NAMED} more"] if len(refused) > NAMED else []
    dead_letters.reject(replace(message, data=content), Malformed("; ".join(reasons + more)), NAME, world)
