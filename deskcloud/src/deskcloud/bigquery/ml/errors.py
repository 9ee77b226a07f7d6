"""The error that the local BigQuery ML raises for a request that it refuses."""

from __future__ import annotations


class MLError(Exception):
    """Google's BigQuery ML would refuse this request, or the local BigQuery ML lacks the requested feature.

    The message names the input, the rule and the remedy.
    `reason` is the reason in Google's error body.
    """

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason
