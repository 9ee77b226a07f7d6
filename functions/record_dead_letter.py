"""Store each dead letter with its reason in the bucket, where `propensity runs` finds it.

On     dead-letters   any message that a function rejected, Pub/Sub forwarded after the last attempt, or somebody sent
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared import dead_letters, push
from shared.clients import clients
from shared.dead_letters import DeadLetter, Letter
from shared.log import log

if TYPE_CHECKING:
    from shared.push import Message
GIVEN_UP = "CloudPubSubDeadLetterSource"


@push.function
def record_dead_letter(message: Message) -> None:
    """Store the message as a dead letter. A message that a function rejected in several deliveries is stored once."""
    about = message.attributes
    function = about.get(dead_letters.REJECTED_BY) or about.get(f"{GIVEN_UP}Subscription", "")
    # Anyone may publish to this topic, so the attribute REJECTED_BYTES may have any value.
    left_out = about.get(dead_letters.REJECTED_BYTES, "")
    letter = Letter(
        function=function,
        reason=about.get(dead_letters.REJECTED_FOR) or _given_up(about),
        received_at=datetime.now(UTC),
        topic=about.get(dead_letters.REJECTED_TOPIC, ""),
        attributes={
            name: text for name, text in about.items() if not name.startswith((dead_letters.REJECTED, GIVEN_UP))
        },
        data=base64.b64encode(message.data).decode(),
        left_out_bytes=int(left_out) if left_out.isdecimal() else 0,
    )
    log(DeadLetter(function or "no function", letter.reason))
    rejected = about.get(dead_letters.REJECTED_ID)
    clients().dead_letters.bury(f"{rejected}-{function}" if rejected else message.id, letter)


def _given_up(about: dict[str, str]) -> str:
    """Return a reason for a message that no function rejected: Pub/Sub forwarded it, or somebody published it."""
    if f"{GIVEN_UP}Subscription" not in about:
        return "published to dead-letters directly, neither by a function nor by a subscription"
    attempts = about.get(f"{GIVEN_UP}DeliveryCount", "all")
    return f"given up after {attempts} deliveries; the log has the reason"
