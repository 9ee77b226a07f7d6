"""A customer's latest intents to send a message.

The intents ensure that each message is sent at most once, and that a customer does not get messages too often.

messages/PSEUDONYM.json   Intents of one customer. Replaced only if its generation is still the one that was read

An SMTP relay cannot be asked whether it has accepted a message. So the intent is stored before the message is sent, and
a message whose intent has no outcome is never sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from shared.mail_settings import Mail

type Outcome = Literal["intended", "sent", "refused", "unconfirmed"]

FOLDER = "messages/"
# How long intents are kept: the largest allowed value of mail.per_days.
KEPT = timedelta(days=90)


class Intent(Struct, frozen=True):
    """The intent to send the message of one checkout in one campaign.

    The outcome `intended` means that a process is sending the message, or died while it sent the message. `unconfirmed`
    means that the connection broke or the process died, and the relay may have accepted the message.
    """

    key: str
    at: datetime
    outcome: str = "intended"


class Intents(Struct, frozen=True):
    """The intents of one customer, the newest first."""

    intents: tuple[Intent, ...] = ()

    def of(self, key: str) -> Intent | None:
        """Return the intent with this key, or None."""
        return next((one for one in self.intents if one.key == key), None)

    def allow(self, mail: Mail, now: datetime) -> bool:
        """Return whether the frequency cap allows another message.

        Refused messages do not count; unconfirmed messages do.
        """
        since = now - timedelta(days=mail.per_days)
        return sum(one.at > since and one.outcome != "refused" for one in self.intents) < mail.most

    def with_intent(self, key: str, outcome: Outcome, now: datetime) -> Intents:
        """Return a copy of the intents in which the intent with the key `key` has the outcome `outcome`.

        If there is no such intent, the copy has a new intent with the time `now`, and no expired intents.
        """
        former = self.of(key)
        if former:
            return Intents(
                tuple(msgspec.structs.replace(one, outcome=outcome) if one is former else one for one in self.intents)
            )
        return Intents((Intent(key, now, outcome), *(one for one in self.intents if one.at > now - KEPT)))

    def without(self, key: str) -> Intents:
        """Return a copy of the intents without the intent that has the key `key`.

        Call this only if the relay has certainly not accepted the message of this intent.
        """
        return Intents(tuple(one for one in self.intents if one.key != key))
