"""Keep what no function could use, with its reason, where `propensity runs` shows it.

On     dead-letters   a malformed message with its reason, or what Pub/Sub gave up delivering
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared import handler, push
from shared.cloud import clients
from shared.log import log

if TYPE_CHECKING:
    from shared.push import Message
GIVEN_UP = "CloudPubSubDeadLetterSource"


@push.function
def record_dead_letter(message: Message) -> None:
    """Write the letter once, whatever it is; what a function rejected is one letter, however often it was delivered."""
    about = message.attributes
    function = about.get(handler.REJECTED_BY) or about.get(f"{GIVEN_UP}Subscription", "")
    attempts = about.get(f"{GIVEN_UP}DeliveryCount", "all")
    letter = {
        "function": function,
        "reason": about.get(handler.REJECTED_FOR) or f"given up after {attempts} deliveries; the log says why",
        "received_at": datetime.now(UTC),
        "topic": about.get(handler.REJECTED_TOPIC, ""),
        "attributes": {name: text for name, text in about.items() if not name.startswith((handler.REJECTED, GIVEN_UP))},
        "data": base64.b64encode(message.data).decode(),
    }
    if handler.REJECTED_BYTES in about:
        letter["left_out_bytes"] = int(about[handler.REJECTED_BYTES])
    log("ERROR", f"dead letter for {function}: {letter['reason']}")
    rejected = about.get(handler.REJECTED_ID)
    clients().ledger.bury(f"{rejected}-{function}" if rejected else message.id, letter)
