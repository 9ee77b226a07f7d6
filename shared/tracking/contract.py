"""The contract of the topic campaign-events: the content of a message, and the reasons for refusing an event.

A message contains one event, or a list `events`. If an event is refused, the other events of the message are still
accepted. The reason for a refusal does not repeat a value of the event.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from shared.errors import Malformed
from shared.setting_types import CampaignName  # noqa: TC001 - msgspec reads the annotation

type Kind = Literal["sent", "delivered", "opened", "clicked", "bought", "bounced", "complained", "unsubscribed"]
type Channel = Literal["ads", "email", "all"]
# An id without control characters, and without spaces at its ends. shared/customers/crm.py removes these spaces, and
# refuses a customer's id with control characters. Half of a surrogate pair is not valid Unicode.
type Identifier = Annotated[
    str, Meta(min_length=1, max_length=256, pattern=r"^(?!\s)[^\x00-\x1f\x7f\ud800-\udfff]+(?<!\s)\Z")
]
type Amount = Annotated[float, Meta(ge=0, le=1e9)]
type Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]

# Maximum number of events in a message.
MOST = 1000
# Maximum time by which the sender's clock may be ahead of Pub/Sub's clock.
AHEAD = timedelta(hours=1)
# Maximum age of an event. An older time is an error, e.g. a time in seconds that was read as milliseconds.
OLDEST = timedelta(days=2 * 365)


class CampaignEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened to a customer in a campaign, as the platform reports it.

    `event_id` is the sender's own id. If the sender sends an event again, the id is the same. The kind `bought` is only
    the platform's claim. A campaign's effect is measured by the shop's orders.
    """

    event_id: Identifier
    campaign: CampaignName
    customer_id: Identifier
    channel: Channel
    kind: Kind
    happened_at: Annotated[datetime, Meta(tz=True)]
    bounce: Literal["hard", "soft"] | None = None
    order_id: Identifier | None = None
    amount: Amount | None = None
    currency: Currency | None = None


RULES = {
    "event_id": "must have 1 to 256 visible characters without a space at its ends, the same each time it is sent",
    "campaign": "must be the name of a campaign, as campaign.name of the settings: lower-case letters, digits and _",
    "customer_id": "must be the shop's id of the customer: 1 to 256 visible characters without a space at its ends",
    "channel": "must be ads, email or, for a complaint or an unsubscribe that concerns both, all",
    "kind": "must be sent, delivered, opened, clicked, bought, bounced, complained or unsubscribed",
    "happened_at": "must be a time of RFC 3339 with its zone, e.g. 2026-11-28T09:30:00Z",
    "bounce": "must be hard or soft, for a bounce only",
    "order_id": "must have 1 to 256 visible characters and no space at its ends, for kind bought only",
    "amount": "must be a number from 0 to 1,000,000,000 with a currency, for kind bought only",
    "currency": "must be three capital letters of ISO 4217, e.g. EUR, with an amount",
}
_FIELD = re.compile(r"at `\$\.(\w+)`|required field `(\w+)`")


class Refused(NamedTuple):
    """A refused event, as it was sent, and the reason."""

    event: Any
    reason: str


def read(body: dict[str, Any], published_at: datetime) -> tuple[list[CampaignEvent], list[Refused]]:
    """Return the accepted events of a message, and the refused events.

    Raises:
        Malformed: the message has no events, or too many.
    """
    given = body["events"] if body.keys() == {"events"} else [body]
    if not isinstance(given, list) or not given:
        raise Malformed('campaign-events: a message is one event, or {"events": [...]} with at least one event')
    if len(given) > MOST:
        raise Malformed(f"campaign-events: the message has {len(given):,} events; send at most {MOST:,} in one message")
    taken: list[CampaignEvent] = []
    refused: list[Refused] = []
    for one in given:
        found = _checked(one, published_at)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            taken.append(found)
    return taken, refused


def _checked(given: Any, published_at: datetime) -> CampaignEvent | Refused:
    try:
        event = msgspec.convert(given, CampaignEvent)
    except msgspec.ValidationError as error:
        return Refused(given, _reason(str(error)))
    if field := _contradicts(event):
        return Refused(given, f"{field} {RULES[field]}")
    if event.happened_at > published_at + AHEAD:
        return Refused(given, "happened_at must not lie in the future: check the sender's clock and the time's zone")
    if event.happened_at < published_at - OLDEST:
        return Refused(given, f"happened_at must lie within the last {OLDEST.days} days: check the unit of the time")
    return event


def _reason(said: str) -> str:
    """Return the rule that the event breaks, without the name of an unknown field, which may be personal data."""
    found = _FIELD.search(said)
    field = found and (found[1] or found[2])
    if field in RULES:
        return f"{field} {RULES[field]}"
    return f"an event is an object with the fields {', '.join(RULES)}, and no others"


def _contradicts(event: CampaignEvent) -> str | None:
    """Return the name of a field that contradicts other fields of the event, or None."""
    if event.channel == "all" and event.kind not in {"complained", "unsubscribed"}:
        return "channel"
    if (event.bounce is not None) != (event.kind == "bounced"):
        return "bounce"
    if event.order_id is not None and event.kind != "bought":
        return "order_id"
    if event.amount is not None and (event.kind != "bought" or event.currency is None):
        return "amount"
    return "currency" if event.currency is not None and event.amount is None else None
