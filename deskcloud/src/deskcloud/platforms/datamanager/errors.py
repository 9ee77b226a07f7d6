"""Data Manager's errors, which are google.rpc.Status with ErrorInfo, BadRequest and RetryInfo.

https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
"""

import math
from dataclasses import dataclass
from typing import Any

_TYPES = "type.googleapis.com/google.rpc."
_DOMAIN = "datamanager.googleapis.com"


@dataclass(frozen=True)
class Violation:
    """A field that violates a rule. `reason` is a value of the enum ErrorReason."""

    field: str
    description: str
    reason: str


class DataManagerError(Exception):
    """A failed request, with the HTTP status `code`, the name of the gRPC code, and the `reason` in ErrorInfo."""

    code, status, reason = 500, "INTERNAL", "INTERNAL_ERROR"

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of ErrorInfo. Most errors have no metadata."""
        return {}

    def details(self) -> list[dict[str, Any]]:
        """Return the details that the error has in addition to ErrorInfo. Most errors have no further details."""
        return []

    @property
    def headers(self) -> dict[str, str]:
        """The answer's additional headers."""
        return {}

    def body(self) -> dict[str, Any]:
        """Return the error as the JSON body of an HTTP response."""
        info = {"@type": f"{_TYPES}ErrorInfo", "reason": self.reason, "domain": _DOMAIN, "metadata": self.metadata}
        error = {"code": self.code, "message": str(self), "status": self.status}
        return {"error": {**error, "details": [info, *self.details()]}}


class InvalidArgumentError(DataManagerError):
    """The request violates rules, so no member in the request is processed."""

    code, status, reason = 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("There was a problem with the request.")
        self.violations = violations

    def details(self) -> list[dict[str, Any]]:
        """Return the violations, as BadRequest."""
        violations = [
            {"field": one.field, "description": one.description, "reason": one.reason} for one in self.violations
        ]
        return [{"@type": f"{_TYPES}BadRequest", "fieldViolations": violations}]


class PermissionDeniedError(DataManagerError):
    """The caller cannot use the account."""

    code, status, reason = 403, "PERMISSION_DENIED", "PERMISSION_DENIED"


class UnauthenticatedError(DataManagerError):
    """The access token has expired."""

    code, status, reason = 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"


class ResourceExhaustedError(DataManagerError):
    """Too many requests. The next request is possible after `seconds`."""

    code, status, reason = 429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"

    def __init__(self, limit_name: str, seconds: float) -> None:
        super().__init__(f"Quota exceeded for {limit_name}.")
        self._limit_name, self._seconds = limit_name, seconds

    @property
    def metadata(self) -> dict[str, str]:
        """The name of the exhausted quota."""
        return {"quota_limit": self._limit_name}

    def details(self) -> list[dict[str, Any]]:
        """Return the time until the next request is possible, as RetryInfo."""
        return [{"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{self._seconds:.3f}s"}]

    @property
    def headers(self) -> dict[str, str]:
        """The header Retry-After. It is the time until the next request is possible, in whole seconds."""
        return {"Retry-After": str(math.ceil(self._seconds))}


class NotFoundError(DataManagerError):
    """The API has no such method."""

    code, status, reason = 404, "NOT_FOUND", "NOT_FOUND"


class UnimplementedError(DataManagerError):
    """Google supports this request, but the local Data Manager does not."""

    code, status, reason = 501, "UNIMPLEMENTED", "UNIMPLEMENTED"


class InternalError(DataManagerError):
    """A planned fault of the service."""
