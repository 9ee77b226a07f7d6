"""The error that the local BigQuery ML raises if Google's BigQuery ML would refuse the request."""

from __future__ import annotations


class MLError(Exception):
    """BigQuery ML would refuse this request. The message names the input, the rule and the remedy.

    `reason` is the reason in Google's error body.
    """

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason
