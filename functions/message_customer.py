"""Send an e-mail to the customer of a scored checkout, at most once and only if no rule forbids it.

On     checkout-scored   CheckoutScored, from on_checkout
Runs   sql/messages
Emits  campaign-events   CampaignEvent: the e-mail was sent
Logs   whether the e-mail was sent, or why not, without personal data
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared import dead_letters, push
from shared.clients import clients
from shared.errors import Malformed, Permanent
from shared.log import log
from shared.messages import relay
from shared.messages.sending import Messenger
from shared.online.contract import CheckoutScored
from shared.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from shared.push import Message
# Without these secrets, the function does not start. So a deployment that lacks one of them fails at once.
PSEUDONYMS = Pseudonyms.from_environment()
CREDENTIALS = relay.credentials()


@push.function
def message_customer(message: Message) -> None:
    """Send the e-mail for the checkout. A second delivery of `message` sends nothing.

    Raises:
        RelayError: the mail relay has not accepted the e-mail. Pub/Sub delivers `message` again.
        NotReady: another delivery is sending the e-mail. Pub/Sub delivers `message` again.
    """
    world = clients()
    try:
        messenger = Messenger(world, PSEUDONYMS, CREDENTIALS, datetime.now(UTC))
        told = messenger.take(decode(message.body), message.published_at)
    except Permanent as error:
        dead_letters.reject(message, error, "message_customer", world)
        return
    log(told)


def decode(body: dict[str, Any]) -> CheckoutScored:
    """Return the scored checkout from a message's body.

    Raises:
        Malformed: the body does not have the fields of CheckoutScored. The error contains no value of the body.
    """
    try:
        return msgspec.convert(body, CheckoutScored)
    except msgspec.ValidationError:
        raise Malformed("checkout-scored must have the fields of CheckoutScored in shared/online/contract.py") from None
