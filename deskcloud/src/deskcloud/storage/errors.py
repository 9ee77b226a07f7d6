"""Cloud Storage's errors, with bodies in Google's JSON format."""

from http import HTTPStatus
from typing import Any


class StorageError(Exception):
    """An error answer with the HTTP status `code`, Google's `reason` and a message."""

    code = HTTPStatus.BAD_REQUEST
    reason = "invalid"

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the error answer."""
        message = str(self)
        cause = {"message": message, "domain": "global", "reason": self.reason}
        return {"error": {"code": int(self.code), "message": message, "errors": [cause]}}


class InvalidError(StorageError):
    """The request violates a rule, so a retry cannot help."""


class NotFoundError(StorageError):
    """The bucket, object, generation or upload does not exist."""

    code = HTTPStatus.NOT_FOUND
    reason = "notFound"


class ConflictError(StorageError):
    """The bucket to create exists already, or the bucket to delete is not empty."""

    code = HTTPStatus.CONFLICT
    reason = "conflict"


class ConditionNotMetError(StorageError):
    """A generation or metageneration precondition failed."""

    code = HTTPStatus.PRECONDITION_FAILED
    reason = "conditionNotMet"

    def __init__(self, message: str = "At least one of the pre-conditions you specified did not hold.") -> None:
        super().__init__(message)


class NotChangedError(ConditionNotMetError):
    """A `...NotMatch` precondition failed. A read is answered with 304, any other request with 412."""


class RangeNotSatisfiableError(StorageError):
    """The requested byte range contains no byte of the object."""

    code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    reason = "requestedRangeNotSatisfiable"


class UnsupportedError(StorageError):
    """Google supports this request, but the local Cloud Storage does not."""

    code = HTTPStatus.NOT_IMPLEMENTED
    reason = "notImplemented"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: not supported by the local Cloud Storage.")
