"""Errors in Google's format, which has a reason, a message and the place in the request."""

from typing import Any

from deskcloud.web.answers import JSONResponse

# BigQuery's error table gives each reason an HTTP code and a canonical status.
_STATUS = {
    "invalid": (400, "INVALID_ARGUMENT"),
    "invalidQuery": (400, "INVALID_ARGUMENT"),
    "resourceInUse": (400, "FAILED_PRECONDITION"),
    "stopped": (400, "CANCELLED"),
    "notFound": (404, "NOT_FOUND"),
    "duplicate": (409, "ALREADY_EXISTS"),
    "conditionNotMet": (412, "FAILED_PRECONDITION"),
    "accessDenied": (403, "PERMISSION_DENIED"),
    "quotaExceeded": (403, "RESOURCE_EXHAUSTED"),
    "rateLimitExceeded": (403, "RESOURCE_EXHAUSTED"),
    "notImplemented": (501, "UNIMPLEMENTED"),
    "backendError": (503, "UNAVAILABLE"),
    "jobBackendError": (503, "UNAVAILABLE"),
    "internalError": (500, "INTERNAL"),
    "jobInternalError": (500, "INTERNAL"),
}


class BigQueryError(Exception):
    """A request or a job fails. `reason` is BigQuery's error reason, and `location` the wrong part of the request."""

    def __init__(self, reason: str, message: str, location: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.location = location or ("query" if reason == "invalidQuery" else None)

    def proto(self) -> dict[str, str]:
        """Return the error in the format of a job's errorResult."""
        proto = {"reason": self.reason, "message": self.message}
        return proto | ({"location": self.location} if self.location else {})

    def response(self) -> JSONResponse:
        """Return the error as JSON in Google's format. The HTTP status follows from the reason."""
        code, status = _STATUS.get(self.reason, _STATUS["internalError"])
        error = {"code": code, "message": self.message, "status": status}
        return JSONResponse({"error": error | {"errors": [self.proto() | {"domain": "global"}]}}, status_code=code)


def from_proto(proto: dict[str, Any]) -> BigQueryError:
    """Create the error from a job's errorResult."""
    return BigQueryError(proto.get("reason", "internalError"), proto.get("message", ""), proto.get("location"))


def of_a_job(proto: dict[str, Any]) -> BigQueryError:
    """Return the error for a client that asks for the results of a failed job. `proto` is the job's errorResult.

    The reasons backendError and internalError are replaced by jobBackendError and jobInternalError. With the original
    reasons, clients would retry the request, although the job has failed for good.
    """
    reasons = {"backendError": "jobBackendError", "internalError": "jobInternalError"}
    reason = proto.get("reason", "internalError")
    return from_proto(proto | {"reason": reasons.get(reason, reason)})


def from_answer(answer: dict[str, Any]) -> BigQueryError:
    """Create the error from the JSON body of an unsuccessful answer of the emulator."""
    error = answer.get("error", {})
    first: dict[str, Any] = next(iter(error.get("errors", [])), {})
    return from_proto({"reason": first.get("reason", "internalError"), "message": error.get("message", "")})


def not_found(kind: str, name: str) -> BigQueryError:
    """Return the error for a missing resource. `kind` is e.g. "Model", "Dataset" or "Job"."""
    return BigQueryError("notFound", f"Not found: {kind} {name}")


def already_exists(kind: str, name: str) -> BigQueryError:
    """Return the error for a name that is already taken. `kind` is e.g. "Model", "Table" or "Job"."""
    return BigQueryError("duplicate", f"Already Exists: {kind} {name}")


def unsupported(what: str) -> BigQueryError:
    """Return the error for a feature that Google's BigQuery has and the local BigQuery lacks."""
    return BigQueryError("invalidQuery", f"{what} is not supported by the local BigQuery")
