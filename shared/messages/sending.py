"""Send the message of a checkout at most once, if no rule forbids it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.chain.guarded import Guarded
from shared.errors import NotReady
from shared.messages import relay, rendering, rules
from shared.messages.intents import FOLDER, Intent, Intents, Outcome
from shared.messages.log_events import MessageNotDelivered, MessageSent, MessageSkipped

if TYPE_CHECKING:
    from shared.clients import Clients
    from shared.messages.relay import Credentials
    from shared.messages.rules import Recipient
    from shared.online.contract import CheckoutScored
    from shared.pseudonyms import Pseudonyms

type Told = MessageSent | MessageSkipped | MessageNotDelivered

# The topic of campaign events, which track_campaign handles.
EVENTS = "campaign-events"
# If an intent of this age has no outcome, the process that was sending its message has died, because this age exceeds
# the function's timeout.
AT_WORK = timedelta(minutes=2)
DIED = "the delivery that was sending it died; it is not sent again, because the customer may have it"
BROKE = "the connection to the relay broke ({}); it is not sent again, because the customer may have it"


@dataclass(frozen=True)
class Messenger:
    """Sends messages at the time `now`."""

    world: Clients
    pseudonyms: Pseudonyms
    credentials: Credentials
    now: datetime

    def take(self, scored: CheckoutScored, published_at: datetime) -> Told:
        """Send the checkout's message, unless a rule forbids it or an earlier delivery may have sent it.

        Raises:
            NotReady: another delivery is sending this message.
            RelayError: the relay has not accepted the message; another delivery may succeed.
            Permanent: BigQuery refused the statement, or the template does not exist.
        """
        request_id = scored.request_id
        if self.world.settings.mail.mode == "off":
            return MessageSkipped(request_id, "mail.mode is off")
        if scored.offer == "none":
            return MessageSkipped(request_id, "the checkout got no offer")
        recipient = self._recipient(scored.visitor_id)
        if recipient is None:
            return MessageSkipped(request_id, "the visitor is no customer that is known")
        return self._take(scored, recipient, published_at)

    def _recipient(self, visitor_id: str) -> Recipient | None:
        campaign = self.world.settings.campaign
        days = timedelta(days=campaign.recent_buyer_days - 1)
        rows = self.world.query(
            "messages/recipient",
            {
                "visitor_id": visitor_id,
                "now": self.now,
                "recent_since": self._local.date() - days,
                "campaign": campaign.name,
                "salt": campaign.salt,
                "control_share": campaign.control_share,
                "holdout_share": campaign.holdout_share,
            },
        )
        return msgspec.convert(rows[0], rules.Recipient) if rows else None

    @property
    def _local(self) -> datetime:
        return self.now.astimezone(self.world.settings.source.zone)

    def _take(self, scored: CheckoutScored, recipient: Recipient, published_at: datetime) -> Told:
        mail, campaign = self.world.settings.mail, self.world.settings.campaign
        customer, key = self.pseudonyms.of(recipient.customer_id), f"{campaign.name}/{scored.request_id}"
        book = _Book(Guarded(f"{FOLDER}{customer}.json", Intents, self.world), key, self.now, customer)
        why_not = rules.why_not(recipient) or rules.why_not_now(mail, published_at, self._local)
        while True:
            intents, generation = book.read()
            if former := intents.of(key):
                return self._after(former, book, scored.request_id, recipient)
            if why_not:
                return MessageSkipped(scored.request_id, why_not)
            if not intents.allow(mail, self.now):
                return MessageSkipped(
                    scored.request_id, f"the customer has had {mail.most} messages in {mail.per_days} days (mail.most)"
                )
            told = self._send(scored, recipient, book, (intents, generation))
            if told:
                return told

    def _after(self, former: Intent, book: _Book, request_id: str, recipient: Recipient) -> Told:
        """Return what became of a message that an earlier delivery began to send; `former` is its intent."""
        if former.outcome == "sent":
            # The earlier delivery may have died before it published the campaign event.
            self._report(recipient, book, former.at)
        if former.outcome != "intended":
            return MessageSkipped(request_id, f"a former delivery has ended: {former.outcome}")
        if self.now - former.at < AT_WORK:
            raise NotReady(f"another delivery is sending the message for request {request_id}")
        book.settle("unconfirmed")
        return MessageNotDelivered(request_id, "unconfirmed", DIED)

    def _send(
        self, scored: CheckoutScored, recipient: Recipient, book: _Book, read: tuple[Intents, int]
    ) -> Told | None:
        """Send the message. Return None if another delivery has changed the customer's intents since they were read."""
        mail, address, request_id = self.world.settings.mail, str(recipient.email), scored.request_id
        rendered = rendering.render(
            mail, recipient.language or "", recipient.first_name or "", scored.next_products, scored.offer
        )
        message = rendering.compose(mail, address, rendered, book.name, self.now)
        is_intended = False
        try:
            with relay.addressed(mail, self.credentials, address) as transmit:
                is_intended = book.write("intended", *read)
                if not is_intended:
                    return None
                transmit(message)
        except relay.RefusedError as error:
            if is_intended:
                book.settle("refused")
            elif not book.write("refused", *read):
                return None
            return MessageNotDelivered(request_id, "refused", str(error))
        except relay.UnconfirmedError as error:
            book.settle("unconfirmed")
            return MessageNotDelivered(request_id, "unconfirmed", BROKE.format(error))
        except relay.RelayError:
            if is_intended:
                book.settle(None)
            raise
        book.settle("sent")
        self._report(recipient, book, self.now)
        return MessageSent(request_id)

    def _report(self, recipient: Recipient, book: _Book, sent_at: datetime) -> None:
        """Publish the campaign event that says that the message was sent.

        Each delivery publishes the event with the same id and time, so track_campaign counts the event once.
        """
        self.world.send(
            EVENTS,
            {
                "event_id": book.name,
                "campaign": self.world.settings.campaign.name,
                "customer_id": recipient.customer_id,
                "channel": "email",
                "kind": "sent",
                "happened_at": sent_at.isoformat(),
            },
        )


@dataclass(frozen=True)
class _Book:
    """The stored intents of one customer. `key` is the key of the current message's intent."""

    document: Guarded[Intents]
    key: str
    now: datetime
    customer: str

    @property
    def name(self) -> str:
        """The message's name. Each attempt to send the message has the same name."""
        return hashlib.sha256(f"{self.customer}/{self.key}".encode()).hexdigest()[:32]

    def read(self) -> tuple[Intents, int]:
        """Return the intents and their generation."""
        found, generation = self.document.read()
        return found or Intents(), generation

    def write(self, outcome: Outcome, intents: Intents, generation: int) -> bool:
        """Store the outcome of this message. Return False if the intents have changed since `generation` was read."""
        return self.document.replace(intents.with_intent(self.key, outcome, self.now), generation) is not None

    def settle(self, outcome: Outcome | None) -> None:
        """Store the outcome of this delivery's intent.

        If `outcome` is None, the relay has not accepted the message, and the intent is deleted.
        """
        while True:
            intents, generation = self.read()
            settled = intents.with_intent(self.key, outcome, self.now) if outcome else intents.without(self.key)
            if settled == intents or self.document.replace(settled, generation) is not None:
                return
