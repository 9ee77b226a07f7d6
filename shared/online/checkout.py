"""Score a checkout: the code that score_checkout and on_checkout share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared import offers
from shared.online.contract import Score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.online.contract import Checkout
    from shared.online.scorer import OnlineScorer


def score(asked: Checkout, features: Mapping[str, Any], request_id: str, scorer: OnlineScorer) -> Score:
    """Return the score, offer and next products of a checkout, validated against the contract.

    `features` are the inputs of the model. A visitor of the control group or the holdout gets no offer.

    Raises:
        NoScorerError: neither the embedded scorer nor the endpoint can score now.
        msgspec.ValidationError: the answer breaks the contract, e.g. by a probability above 1.
    """
    # Use one snapshot for the whole answer, because a refresh may replace the current snapshot at any time.
    served = scorer.snapshot()
    scored = scorer.score(features, served)
    settings = scorer.settings
    in_cart = {item.product_id for item in asked.cart}
    least = offers.thresholds(settings.policy, scored.percentiles)
    answer = {
        "probability": scored.probability,
        "decile": scored.decile,
        "model_version": scored.version,
        "offer": "none" if asked.visitor_id in served.withheld else offers.offer(scored.probability, least),
        "next_products": served.recommender.next_products(in_cart, served.out_of_stock, settings.online.next_products)
        if served.recommender
        else [],
        "request_id": request_id,
        "scored_by": scored.path,
    }
    return msgspec.convert(answer, Score)
