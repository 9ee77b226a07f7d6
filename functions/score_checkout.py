"""Score a visitor at the checkout, over HTTP.

Serves   POST /              Checkout -> Score, or a problem document
         GET /health         -> Health, or 503 while there is no champion
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
from shared.online.contract import Health, decode
from shared.online.log_events import NoScorer
from shared.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from flask import Request, Response

# Without the key of the pseudonyms, the function does not start. So a deployment without the key fails at once.
PSEUDONYMS = Pseudonyms.from_environment()
RETRY_AFTER_SECONDS = 5


@functions_framework.http
def score_checkout(request: Request) -> Response:
    """Answer a request to /, /health or /openapi.json."""
    endpoints = {"/": ("POST", score), "/health": ("GET", health), "/openapi.json": ("GET", contract)}
    return web.serve(request, endpoints, lambda: scorer.current().settings.online.origins)


def score(exchange: web.Exchange) -> Response:
    """Answer with the checkout's score, and log the prediction.

    Raises:
        Refusal: the request breaks the contract, or no scorer is available.
    """
    asked = exchange.read(decode)
    scoring = scorer.current()
    features = sessions.features(asked.session, scoring.settings.source.zone)
    try:
        scored = checkout.score(asked, features, exchange.id, scoring)
    except scorer.NoScorerError as error:
        log(NoScorer(exchange.id, str(error), error.version))
        raise unavailable() from error
    predictions.record(scored, features, PSEUDONYMS.of(asked.visitor_id), exchange.milliseconds, "score_checkout")
    return exchange.answer(jsontext.encode(scored))


def health(exchange: web.Exchange) -> Response:
    """Answer with the champion's version.

    Raises:
        Refusal: there is no champion yet, or the bucket cannot be read.
    """
    champion = scorer.current().snapshot().champion
    if champion is None:
        raise unavailable()
    return exchange.answer(jsontext.encode(Health(champion.pointer.version)))


def unavailable() -> web.Refusal:
    """Return the refusal for when no scorer is available: HTTP 503."""
    seconds = str(RETRY_AFTER_SECONDS)
    detail = f"There is no champion yet, or it cannot be reached: ask again in {seconds} seconds."
    return web.Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, Retry_After=seconds)


def contract(exchange: web.Exchange) -> Response:
    """Answer with the OpenAPI document of this function."""
    return exchange.answer(openapi.document())
