"""Keep what no function could use, with its reason, where `propensity runs` shows it.

On     dead-letters   a malformed message with its reason, or what Pub/Sub gave up delivering
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import functions_framework

from shared.cloud import clients
from shared.log import log

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

GIVEN_UP = "CloudPubSubDeadLetterSource"


@functions_framework.cloud_event
def record_dead_letter(cloud_event: CloudEvent) -> None:
    """Write the letter once, under its message id."""
    message = cloud_event.data["message"]
    attributes = message.get("attributes") or {}
    subscription = attributes.get(f"{GIVEN_UP}Subscription", "")
    letter = {
        "function": attributes.get("function") or subscription,
        "reason": attributes.get("reason")
        or f"given up after {attributes.get(f'{GIVEN_UP}DeliveryCount', 'all')} deliveries; the log says why",
        "received_at": datetime.now(UTC),
        "data": message.get("data", ""),
    }
    log("ERROR", f"dead letter for {letter['function']}: {letter['reason']}")
    clients().ledger.bury(cloud_event["id"], letter)
