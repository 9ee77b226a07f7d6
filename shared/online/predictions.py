"""The prediction log: one log line per score, which a log sink exports to the view `online_predictions`.

Visitors are pseudonymous: a visitor's id is replaced by a keyed hash, always the same, which only the key can link to
the visitor.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any, Literal

from shared.log import log
from shared.online.contract import Score
from shared.online.log_events import CheckoutScored
from shared.settings import SettingsError

KEY = "PROPENSITY_PSEUDONYM_KEY"
SHORTEST_KEY = 32


class Pseudonyms:
    """Computes keyed hashes (HMAC-SHA256, RFC 2104) of identifiers that must not be logged."""

    def __init__(self, key: str) -> None:
        self._keyed = hmac.new(key.encode(), digestmod=hashlib.sha256)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Pseudonyms":
        """Return the pseudonyms of the environment's key, a secret from Secret Manager.

        Raises:
            SettingsError: the key is missing, or shorter than 32 characters.
        """
        key = environment.get(KEY, "")
        if len(key) < SHORTEST_KEY:
            raise SettingsError(
                f"{KEY} must be a secret of at least {SHORTEST_KEY} characters, e.g. of `openssl rand -hex 32`: "
                "visitors' ids are hashed with it before they are logged"
            )
        return cls(key)

    def of(self, text: str | bytes) -> str:
        """Return the text's pseudonym: 64 hexadecimal digits."""
        keyed = self._keyed.copy()
        keyed.update(text.encode() if isinstance(text, str) else text)
        return keyed.hexdigest()


def record(
    score: Score,
    features: Mapping[str, Any],
    visitor: str,
    milliseconds: float,
    source: Literal["score_checkout", "on_checkout"],
) -> None:
    """Log a score and its inputs; `visitor` is a pseudonym. A failure to log does not fail the checkout."""
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
        # Standard output is closed, so this cannot be reported either.
        return
