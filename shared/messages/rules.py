"""Why the customer behind a checkout gets no message."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from shared.mail_settings import Mail

# A message later than this after the checkout's score would no longer fit the customer's cart.
LATEST = timedelta(days=1)


class Recipient(Struct, frozen=True):
    """A row of sql/messages/recipient.sql; `reasons` forbid an e-mail to the customer now."""

    customer_id: str
    email: str | None
    first_name: str | None
    language: str | None
    arm: str
    reasons: tuple[str, ...]


def why_not(recipient: Recipient) -> str | None:
    """Return why the customer may not be written to; None if nothing forbids it."""
    if recipient.arm != "treated":
        return f"the customer is in the {recipient.arm} arm"
    if recipient.reasons:
        return "; ".join(recipient.reasons)
    return None if recipient.email else "the customer has no e-mail address"


def why_not_now(mail: Mail, published_at: datetime, local: datetime) -> str | None:
    """Return why no message may be sent at this time; None if it may.

    `local` is the time in the shop's zone. A message that falls into quiet hours is left out and not sent later: in
    the morning, the checkout may have ended.
    """
    if local - published_at > LATEST:
        return f"the checkout was scored more than {LATEST.days} day ago"
    return "quiet hours" if _is_quiet(mail, local.hour) else None


def _is_quiet(mail: Mail, hour: int) -> bool:
    if mail.quiet_from <= mail.quiet_until:
        return mail.quiet_from <= hour < mail.quiet_until
    return hour >= mail.quiet_from or hour < mail.quiet_until
