"""Write campaign events, and the suppressions that they cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.clients import Clients
    from shared.tracking.contract import CampaignEvent


def why_suppressed(event: CampaignEvent) -> str | None:
    """Return why the event suppresses its customer, or None if the event suppresses nobody."""
    if event.kind == "bounced":
        return "hard bounce" if event.bounce == "hard" else None
    return {"complained": "complaint", "unsubscribed": "unsubscribe"}.get(event.kind)


def record(events: Sequence[CampaignEvent], published_at: datetime, world: Clients) -> int:
    """Write the events and their suppressions. Return the number of events that suppress a customer.

    Suppressions are written before the events, so that they take effect even if the process dies in between.
    """
    suppressing = [(one, why) for one in events if (why := why_suppressed(one))]
    if suppressing:
        world.query(
            "tracking/record_suppressions",
            {
                **_columns([one for one, _ in suppressing]),
                "why": [why for _, why in suppressing],
                # If the sender's clock is ahead, `happened_at` lies in the future. Take `published_at`, so that the
                # suppression takes effect at once.
                "times": [min(one.happened_at, published_at) for one, _ in suppressing],
            },
        )
    if events:
        world.query(
            "tracking/record_events",
            {
                **_columns(events),
                "event_kinds": [one.kind for one in events],
                "times": [one.happened_at for one in events],
                "bounces": [one.bounce or "" for one in events],
                "order_ids": [one.order_id or "" for one in events],
                "amounts": [one.amount or 0.0 for one in events],
                "currencies": [one.currency or "" for one in events],
                "received_at": published_at,
            },
        )
    return len(suppressing)


def _columns(events: Sequence[CampaignEvent]) -> dict[str, list[str]]:
    return {
        "event_ids": [one.event_id for one in events],
        "ids": [one.customer_id for one in events],
        "campaigns": [one.campaign for one in events],
        "channels": [one.channel for one in events],
    }
