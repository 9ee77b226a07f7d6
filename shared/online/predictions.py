"""The prediction log: one log line per score, which a log sink exports to the view `online_predictions`.

A visitor's id is replaced by a pseudonym (shared/pseudonyms.py).
"""

from collections.abc import Mapping
from typing import Any, Literal

from shared.log import log
from shared.online.contract import Score
from shared.online.log_events import CheckoutScored


def record(
    score: Score,
    features: Mapping[str, Any],
    visitor: str,
    milliseconds: float,
    source: Literal["score_checkout", "on_checkout"],
) -> None:
    """Log a score and its inputs. `visitor` is a pseudonym. If logging fails, the checkout still gets its answer."""
    prediction = {
        "request_id": score.request_id,
        "visitor": visitor,
        "features": features,
        "probability": score.probability,
        "decile": score.decile,
        "model_version": score.model_version,
        "offer": score.offer,
        "next_products": score.next_products,
        "scored_by": score.scored_by,
        "latency_ms": round(milliseconds, 3),
        "source": source,
    }
    try:
        log(CheckoutScored(prediction))
    except (OSError, ValueError):
        # Standard output is closed, so the failure cannot be logged either.
        return
