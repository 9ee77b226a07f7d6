"""The rules that forbid a message to the customer of a checkout."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from shared.mail_settings import Mail

# Maximum age of a checkout's score. A later message would no longer fit the customer's cart.
LATEST = timedelta(days=1)


class Recipient(Struct, frozen=True):
    """A row of sql/messages/recipient.sql. `reasons` lists the reasons why the customer must not get an e-mail now."""

    customer_id: str
    email: str | None
    first_name: str | None
    language: str | None
    arm: str
    reasons: tuple[str, ...]


def why_not(recipient: Recipient) -> str | None:
    """Return why the customer must not get a message, or None."""
    if recipient.arm != "treated":
        return f"the customer is in the {recipient.arm} arm"
    if recipient.reasons:
        return "; ".join(recipient.reasons)
    return None if recipient.email else "the customer has no e-mail address"


def why_not_now(mail: Mail, published_at: datetime, local: datetime) -> str | None:
    """Return why no message may be sent at this time, or None.

    `local` is the time in the shop's time zone. If the time is in the quiet hours, the message is not sent later
    either, because the customer may have bought by then.
    """
    if local - published_at > LATEST:
        return f"the checkout was scored more than {LATEST.days} day ago"
    return "quiet hours" if _is_quiet(mail, local.hour) else None


def _is_quiet(mail: Mail, hour: int) -> bool:
    if mail.quiet_from <= mail.quiet_until:
        return mail.quiet_from <= hour < mail.quiet_until
    return hour >= mail.quiet_from or hour < mail.quiet_until
