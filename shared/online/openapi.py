"""The contract as an OpenAPI 3.1 document, generated from the structs of shared/online/contract.py.

    python -m shared.online.openapi > functions/score_checkout.openapi.json

writes the document for API Gateway; the function serves the same document at GET /openapi.json.
"""

import sys
from functools import cache
from typing import Any

import msgspec

from shared import jsontext
from shared.online.contract import Checkout, Health, Problem, Score

REQUEST_ID = {
    "description": "Id of the request in the answer and the log: up to 128 letters, digits, dots, dashes, underscores. "
    "If it is absent or invalid, the id is that of the request's trace, or a new one.",
    "schema": {"type": "string"},
}
SERVERS = [
    {
        "url": "https://{gateway}",
        "description": "API Gateway, for a shop's servers; requires an API key",
        "variables": {"gateway": {"default": "gateway.example", "description": "`terraform output` names the host"}},
    },
    {"url": "/", "description": "The function that serves this document; on Google Cloud, requires an ID token"},
]
SECURITY_SCHEMES = {
    "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "For API Gateway"},
    "id_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "For the function itself: a Google ID token of an account that may invoke the function",
    },
}
REQUESTS = {
    "features": {
        "summary": "A visitor whose features the shop knows",
        "value": {
            "visitor_id": "1234567890.1500000000",
            "cart": [{"product_id": "DR000301", "quantity": 2}],
            "session": {"features": {"pageviews": 9, "time_on_site": 240, "furthest_step": 3, "device": "desktop"}},
        },
    },
    "visit": {
        "summary": "The visit so far, from which the features are derived",
        "value": {
            "visitor_id": "1234567890.1500000000",
            "cart": [{"product_id": "DR000301"}],
            "session": {
                "visit": {
                    "visitStartTime": 1501583974,
                    "trafficSource": {"source": "google", "medium": "organic"},
                    "device": {"deviceCategory": "mobile"},
                    "hits": [
                        {"type": "PAGE", "time": 0, "hour": 3, "isInteraction": True},
                        {
                            "type": "EVENT",
                            "time": 61000,
                            "hour": 3,
                            "isInteraction": True,
                            "eCommerceAction": {"action_type": "3"},
                            "product": [{"productSKU": "DR000301"}],
                        },
                    ],
                }
            },
        },
    },
}
SCORE = {
    "probability": 0.0372,
    "decile": 1,
    "model_version": "4",
    "offer": "none",
    "next_products": ["BA000404", "AP000106"],
    "request_id": "72da39c57d6bf3f16e276c1fc0c27700",
    "scored_by": "embedded",
}
# The answers that API Gateway and Cloud Run send without calling the function, in Google's own JSON format.
GOOGLES_REFUSALS = {
    "401": "API Gateway: the API key is missing or invalid. The function itself: the ID token is missing or invalid.",
    "403": "The key is not for this API, or the token's account may not invoke the function.",
    "429": "The quota of the key's project is used up, or the function has reached its maximum number of instances.",
}
REFUSALS = {
    "400": "The body is not JSON.",
    "405": "The method is not POST.",
    "413": "The body is too large.",
    "415": "The content type is not application/json.",
    "422": "The body breaks the contract; `errors` names the field.",
    "500": "An internal error.",
    "503": "There is no champion yet, or it cannot be reached; Retry-After says when to ask again.",
}


@cache
def document() -> bytes:
    """Return the OpenAPI document as JSON."""
    (checkout, score, health, problem), components = msgspec.json.schema_components(
        [Checkout, Score, Health, Problem], ref_template="#/components/schemas/{name}"
    )
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "score_checkout",
            "version": "1.0.0",
            "description": "How likely a visitor at the checkout is to buy on a return visit, and what to offer.",
        },
        "servers": SERVERS,
        "security": [{"api_key": []}, {"id_token": []}],
        "paths": {
            "/": {
                "post": {
                    "operationId": "scoreCheckout",
                    "summary": "Score a visitor at the checkout",
                    "parameters": [{"name": "X-Request-Id", "in": "header", "required": False, **REQUEST_ID}],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": checkout, "examples": REQUESTS}},
                    },
                    "responses": {
                        "200": _response("The score.", "application/json", score, example=SCORE),
                        **{status: {"description": text} for status, text in GOOGLES_REFUSALS.items()},
                        **{
                            status: _response(text, "application/problem+json", problem)
                            for status, text in REFUSALS.items()
                        },
                    },
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Tell whether there is a champion that can score",
                    "responses": {
                        "200": _response("There is a champion.", "application/json", health),
                        **{status: {"description": text} for status, text in GOOGLES_REFUSALS.items()},
                        "503": _response(REFUSALS["503"], "application/problem+json", problem),
                    },
                }
            },
        },
        "components": {"schemas": components, "securitySchemes": SECURITY_SCHEMES},
    }
    return jsontext.encode(described, 2) + b"\n"


def _response(description: str, media: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    headers = {"X-Request-Id": REQUEST_ID}
    return {"description": description, "headers": headers, "content": {media: {"schema": schema, **more}}}


if __name__ == "__main__":
    sys.stdout.buffer.write(document())
