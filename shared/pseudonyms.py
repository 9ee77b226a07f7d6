"""Pseudonyms of identifiers: keyed hashes.

The same identifier always gets the same pseudonym. Without the key, nobody can link a pseudonym to its identifier.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping

from shared.settings import SettingsError

KEY = "PROPENSITY_PSEUDONYM_KEY"
SHORTEST_KEY = 32


class Pseudonyms:
    """Computes keyed hashes (HMAC-SHA256, RFC 2104) of identifiers that must not be logged."""

    def __init__(self, key: str) -> None:
        self._keyed = hmac.new(key.encode(), digestmod=hashlib.sha256)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Pseudonyms":
        """Return a `Pseudonyms` with the key in the environment variable that `KEY` names, from Secret Manager.

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
