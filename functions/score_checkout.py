"""Score a visitor at the checkout, over HTTP.

Serves   POST /              Checkout -> Score, or a problem document
         GET /openapi.json   the contract
Logs     the prediction, which a log sink exports to the view online_predictions
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import functions_framework

from shared import jsontext
from shared.log import log
from shared.online import checkout, openapi, predictions, scorer, sessions, web
from shared.online.contract import decode
from shared.online.log_events import NoScorer

if TYPE_CHECKING:
    from flask import Request, Response

# Without the key, the function does not start. So a deployment that lacks the key fails at once.
PSEUDONYMS = predictions.Pseudonyms.from_environment()
RETRY_AFTER_SECONDS = 5


@functions_framework.http
def score_checkout(request: Request) -> Response:
    """Answer a request to / or /openapi.json."""
    endpoints = {"/": ("POST", score), "/openapi.json": ("GET", contract)}
    return web.serve(request, endpoints, lambda: scorer.current().settings.online.origins)


def score(exchange: web.Exchange) -> Response:
    """Return the checkout's score, and log the prediction.

    Raises:
        Refusal: the request breaks the contract, or no scorer is available.
    """
    asked = exchange.read(decode)
    scoring = scorer.current()
    features = sessions.features(asked.session, scoring.settings.source.zone)
    try:
        scored = checkout.score(features, asked.cart, exchange.id, scoring)
    except scorer.NoScorerError as error:
        log(NoScorer(exchange.id, str(error)))
        seconds = str(RETRY_AFTER_SECONDS)
        detail = f"There is no champion yet, or it cannot be reached: ask again in {seconds} seconds."
        raise web.Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, Retry_After=seconds) from error
    predictions.record(scored, features, PSEUDONYMS.of(asked.visitor_id), exchange.milliseconds, "score_checkout")
    return exchange.answer(jsontext.encode(scored))


def contract(exchange: web.Exchange) -> Response:
    """Return the OpenAPI document."""
    return exchange.answer(openapi.document())
