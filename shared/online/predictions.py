"""The prediction log: one structured line a score, which a sink brings to the view `online_predictions`.

Nobody is named in it: a visitor is a keyed hash, the same one each time, and of no use to whoever has not the key.
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
    """Keyed hashes (HMAC-SHA256, RFC 2104) of what must not be told."""

    def __init__(self, key: str) -> None:
        self._keyed = hmac.new(key.encode(), digestmod=hashlib.sha256)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Pseudonyms":
        """Take the key from the environment, where Secret Manager puts it.

        Raises:
            SettingsError: there is none, or it is too short to resist guessing.
        """
        key = environment.get(KEY, "")
        if len(key) < SHORTEST_KEY:
            raise SettingsError(
                f"{KEY} must be a secret of at least {SHORTEST_KEY} characters, e.g. of `openssl rand -hex 32`: "
                "visitors' ids are hashed with it before they are logged"
            )
        return cls(key)

    def of(self, text: str | bytes) -> str:
        """Return the pseudonym as 64 hexadecimal digits."""
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
    """Log a score with what it was made of; `visitor` is a pseudonym. Whatever goes wrong here is no reason to fail."""
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
        # Standard output is gone, and with it whoever could be told.
        return
