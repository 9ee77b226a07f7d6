"""Score the checkouts of a shop that only publishes events, e.g. for a personalised e-mail.

On     checkout-started   Checkout, the same as for score_checkout
Emits  checkout-scored    CheckoutScored
Logs   the prediction, as score_checkout does
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from shared import dead_letters, jsontext, push
from shared.clients import Clients, clients
from shared.errors import Malformed
from shared.online import checkout, predictions, scorer, sessions, web
from shared.online.answers import Answers
from shared.online.contract import Checkout, CheckoutScored, Score, convert
from shared.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from shared.push import Message
# Without the key of the pseudonyms, the function does not start. So a deployment without the key fails at once.
PSEUDONYMS = Pseudonyms.from_environment()


@push.function
def on_checkout(message: Message) -> None:
    """Score the checkout and publish the score. Each delivery of the message publishes the same score.

    Raises:
        NoScorerError: neither the embedded scorer nor the endpoint can score now. Pub/Sub delivers the message again.
    """
    world = clients()
    try:
        asked = decode(message.body)
    except Malformed as error:
        dead_letters.reject(message, error, "on_checkout", world)
        return
    scored = CheckoutScored(visitor_id=asked.visitor_id, **msgspec.structs.asdict(answer(asked, world)))
    world.send("checkout-scored", msgspec.to_builtins(scored))


def decode(body: dict[str, Any]) -> Checkout:
    """Return the checkout from a message's body.

    Raises:
        Malformed: the body breaks the contract. The error names the field, and contains no value of the body.
    """
    try:
        return convert(body)
    except msgspec.ValidationError as error:
        found = web.loggable(str(error))
        raise Malformed(f"checkout-started {found.pointer}: {found.detail}") from None


def answer(asked: Checkout, world: Clients) -> Score:
    """Return the checkout's stored score, or else compute and store a new one.

    The score is stored under a keyed hash of the checkout and without the visitor's id. Each delivery logs the score,
    because an earlier delivery may have died before it logged the score. The view online_predictions shows the score
    only once.
    """
    began = time.perf_counter()
    name = PSEUDONYMS.of(jsontext.encode(asked, is_sorted=True))
    features = sessions.features(asked.session, world.settings.source.zone)
    answers = Answers(world.bucket)
    standing = answers.read(name)
    if standing is None:
        scored = checkout.score(asked, features, name[:32], scorer.current())
        standing = answers.keep(name, scored)
    milliseconds = (time.perf_counter() - began) * 1e3
    visitor = PSEUDONYMS.of(asked.visitor_id)
    predictions.record(standing, features, visitor, milliseconds, "on_checkout")
    return standing
