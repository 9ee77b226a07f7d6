"""Marketing Cloud's errors.

https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/error-handling.html, and for 429
https://developer.salesforce.com/docs/atlas.en-us.mc-apis.meta/mc-apis/rate-limiting-errors.htm
"""

import math
from typing import Any

_PAGE = "https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/error-handling.html"


class MarketingCloudError(Exception):
    """A failed request, with its HTTP status and Marketing Cloud's error code."""

    status, code = 500, 30000

    @property
    def headers(self) -> dict[str, str]:
        """The answer's additional headers."""
        return {}

    def body(self) -> dict[str, Any]:
        """Return the error as the JSON body of an HTTP response."""
        return {"message": str(self), "errorcode": self.code, "documentation": _PAGE}


class NotAuthorizedError(MarketingCloudError):
    """The access token is missing, invalid or expired."""

    status, code = 401, 0


class ForbiddenError(MarketingCloudError):
    """The account lacks a privilege."""

    status, code = 403, 20002


class MissingFieldError(MarketingCloudError):
    """The request lacks a required field."""

    status, code = 400, 10002


class InvalidFormatError(MarketingCloudError):
    """The body is not JSON."""

    status, code = 400, 10004


class InvalidValueError(MarketingCloudError):
    """A value of the request violates a rule."""

    status, code = 400, 10005


class NotFoundError(MarketingCloudError):
    """There is no such resource."""

    status, code = 404, 30003


class RateLimitError(MarketingCloudError):
    """Too many requests. The next request is possible after `seconds`."""

    status, code = 429, 50100

    def __init__(self, seconds: float) -> None:
        super().__init__("Rate limit exceeded")
        self._seconds = math.ceil(seconds)

    @property
    def headers(self) -> dict[str, str]:
        """The header Retry-After. It is the time until the next request is possible, in whole seconds."""
        return {"Retry-After": str(self._seconds)}

    def body(self) -> dict[str, Any]:
        """Return the error, with the seconds until the next request is possible, as JSON body."""
        return {**super().body(), "retryAfter": self._seconds}


class BlockedError(MarketingCloudError):
    """The requests of the account are temporarily blocked."""

    status, code = 429, 50200


class TokenRefusedError(Exception):
    """No access token is issued. The answer has OAuth 2's error format. `reason` is an error code of OAuth 2."""

    def __init__(self, status: int, reason: str, description: str) -> None:
        super().__init__(description)
        self.status, self.reason = status, reason

    def body(self) -> dict[str, str]:
        """Return the error as the JSON body of an HTTP response."""
        return {"error": self.reason, "error_description": str(self)}
