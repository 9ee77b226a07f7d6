"""The contract as an OpenAPI 3.1 document, made of the structs of shared/online/contract.py.

    python -m shared.online.openapi > functions/score_checkout.openapi.json

writes it for API Gateway; the function serves the same at GET /openapi.json.
"""

import sys
from functools import cache
from typing import Any

import msgspec

from shared import jsontext
from shared.online.contract import Checkout, Problem, Score

REQUEST_ID = {
    "description": "Names the request in the answer and the log: up to 128 letters, digits, dots, dashes, underscores. "
    "Without one that is so, the request's trace names it, or a new id.",
    "schema": {"type": "string"},
}
REFUSALS = {
    "400": "The body is not JSON.",
    "405": "Another method than POST.",
    "413": "The body is too large.",
    "415": "The body is not sent as application/json.",
    "422": "The body breaks the contract; `errors` names the field.",
    "500": "A failure of ours.",
    "503": "No model serves yet, or none can be reached; Retry-After says when to ask again.",
}


@cache
def document() -> bytes:
    """Return the document as JSON."""
    (checkout, score, problem), components = msgspec.json.schema_components(
        [Checkout, Score, Problem], ref_template="#/components/schemas/{name}"
    )
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "score_checkout",
            "version": "1.0.0",
            "description": "How likely a visitor at the checkout is to buy on a return visit, and what to offer.",
        },
        "paths": {
            "/": {
                "post": {
                    "operationId": "scoreCheckout",
                    "summary": "Score a visitor at the checkout",
                    "parameters": [{"name": "X-Request-Id", "in": "header", "required": False, **REQUEST_ID}],
                    "requestBody": {"required": True, "content": {"application/json": {"schema": checkout}}},
                    "responses": {
                        "200": _response("The score.", "application/json", score),
                        **{
                            status: _response(text, "application/problem+json", problem)
                            for status, text in REFUSALS.items()
                        },
                    },
                }
            }
        },
        "components": {"schemas": components},
    }
    return jsontext.encode(described, 2) + b"\n"


def _response(description: str, media: str, schema: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-Request-Id": REQUEST_ID}
    return {"description": description, "headers": headers, "content": {media: {"schema": schema}}}


if __name__ == "__main__":
    sys.stdout.buffer.write(document())
