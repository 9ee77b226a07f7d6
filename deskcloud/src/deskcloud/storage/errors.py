"""Cloud Storage's errors in the shape its clients read."""

from http import HTTPStatus
from typing import Any


class StorageError(Exception):
    """An answer other than success: HTTP `code`, Google's `reason`, and a message for a person."""

    code = HTTPStatus.BAD_REQUEST
    reason = "invalid"

    def body(self) -> dict[str, Any]:
        """The JSON that Google sends with such an answer."""
        message = str(self)
        cause = {"message": message, "domain": "global", "reason": self.reason}
        return {"error": {"code": int(self.code), "message": message, "errors": [cause]}}


class InvalidError(StorageError):
    """The request breaks a rule; sending it again cannot help."""


class NotFoundError(StorageError):
    """No such bucket, object, generation or upload."""

    code = HTTPStatus.NOT_FOUND
    reason = "notFound"


class ConflictError(StorageError):
    """The bucket exists already, or is not empty."""

    code = HTTPStatus.CONFLICT
    reason = "conflict"


class ConditionNotMetError(StorageError):
    """A generation or metageneration precondition does not hold."""

    code = HTTPStatus.PRECONDITION_FAILED
    reason = "conditionNotMet"

    def __init__(self, message: str = "At least one of the pre-conditions you specified did not hold.") -> None:
        super().__init__(message)


class NotChangedError(ConditionNotMetError):
    """A `...NotMatch` precondition failed: a read answers 304, everything else 412."""


class RangeNotSatisfiableError(StorageError):
    """The range asked for begins behind the object's end."""

    code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    reason = "requestedRangeNotSatisfiable"


class UnsupportedError(StorageError):
    """Google can do this; the local Cloud Storage cannot, and says so."""

    code = HTTPStatus.NOT_IMPLEMENTED
    reason = "notImplemented"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: not supported by the local Cloud Storage.")
