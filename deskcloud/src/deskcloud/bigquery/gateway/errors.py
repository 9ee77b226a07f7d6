"""Google's error shapes: a reason, a message, and where in the request it is."""

from typing import Any

from deskcloud.web.answers import JSONResponse

# reason: (HTTP code, canonical status), as BigQuery's error table has them.
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
    """A request that fails as it would on Google's side; `reason` is BigQuery's word for why."""

    def __init__(self, reason: str, message: str, location: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.location = location or ("query" if reason == "invalidQuery" else None)

    def proto(self) -> dict[str, str]:
        """A job's errorResult."""
        proto = {"reason": self.reason, "message": self.message}
        return proto | ({"location": self.location} if self.location else {})

    def response(self) -> JSONResponse:
        """The answer to the request that failed."""
        code, status = _STATUS.get(self.reason, _STATUS["internalError"])
        error = {"code": code, "message": self.message, "status": status}
        return JSONResponse({"error": error | {"errors": [self.proto() | {"domain": "global"}]}}, status_code=code)


def from_proto(proto: dict[str, Any]) -> BigQueryError:
    """The error in a job's errorResult."""
    return BigQueryError(proto.get("reason", "internalError"), proto.get("message", ""), proto.get("location"))


def of_a_job(proto: dict[str, Any]) -> BigQueryError:
    """What asking for the results of a failed job answers.

    A fault of the job's has another word than one of the request: clients repeat the request for the latter.
    """
    reasons = {"backendError": "jobBackendError", "internalError": "jobInternalError"}
    reason = proto.get("reason", "internalError")
    return from_proto(proto | {"reason": reasons.get(reason, reason)})


def from_answer(answer: dict[str, Any]) -> BigQueryError:
    """The error in the body of an answer that is not a success."""
    error = answer.get("error", {})
    first: dict[str, Any] = next(iter(error.get("errors", [])), {})
    return from_proto({"reason": first.get("reason", "internalError"), "message": error.get("message", "")})


def not_found(kind: str, name: str) -> BigQueryError:
    """A `kind` ("Model", "Dataset", "Job") that is not there."""
    return BigQueryError("notFound", f"Not found: {kind} {name}")


def already_exists(kind: str, name: str) -> BigQueryError:
    """A `kind` whose name is taken."""
    return BigQueryError("duplicate", f"Already Exists: {kind} {name}")


def ml_inside(where: str, what: str = "BigQuery ML") -> BigQueryError:
    """BigQuery ML, or another thing that the gateway does, where the local one has none."""
    advice = "send the statement by itself, and keep rows that others need in a table"
    return BigQueryError("invalidQuery", f"{what} inside {where} is not supported by the local BigQuery: {advice}")


def unsupported(what: str) -> BigQueryError:
    """Something that Google's BigQuery does and the local one does not."""
    return BigQueryError("invalidQuery", f"{what} is not supported by the local BigQuery")
