"""Score the checkouts of a shop that only emits events, for a personalised e-mail.

On     checkout-started   Checkout, as score_checkout takes it
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

if TYPE_CHECKING:
    from shared.push import Message
# Without its key the function does not even start, so that a deployment that forgot it never gets a message.
PSEUDONYMS = predictions.Pseudonyms.from_environment()


@push.function
def on_checkout(message: Message) -> None:
    """Score the checkout once, and publish its score as often as it is delivered.

    While no model serves this raises, and the message comes again.
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
    """Read the checkout.

    Raises:
        Malformed: it breaks the contract; names the field, and nothing of the visitor's.
    """
    try:
        return convert(body)
    except msgspec.ValidationError as error:
        found = web.loggable(str(error))
        raise Malformed(f"checkout-started {found.pointer}: {found.detail}") from None


def answer(asked: Checkout, world: Clients) -> Score:
    """Return the score that stands for this checkout: the same checkout is answered once, whatever message brings it.

    What stands is kept under a keyed hash and without the visitor's id. Each delivery logs it, since the one before may
    have died just before; online_predictions has it once.
    """
    began = time.perf_counter()
    name = PSEUDONYMS.of(jsontext.encode(asked, is_sorted=True))
    features = sessions.features(asked.session, world.settings.source.zone)
    answers = Answers(world.bucket)
    standing = answers.read(name)
    if standing is None:
        scored = checkout.score(features, asked.cart, name[:32], scorer.current())
        standing = answers.keep(name, scored)
    milliseconds = (time.perf_counter() - began) * 1e3
    visitor = PSEUDONYMS.of(asked.visitor_id)
    predictions.record(standing, features, visitor, milliseconds, "on_checkout")
    return standing
