"""What BigQuery ML answers when it cannot do what it was asked."""

from __future__ import annotations


class MLError(Exception):
    """A request that BigQuery ML would refuse; the message names the input, the rule and the remedy.

    `reason` is the reason of Google's error body.
    """

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason
