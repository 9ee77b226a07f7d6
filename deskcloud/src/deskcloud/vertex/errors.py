"""Vertex AI's errors: Google's status names, their numbers, and the JSON shape of both."""

from typing import Any


class VertexError(Exception):
    """A request or an operation that fails: HTTP `code`, gRPC `number`, `status` name, and a message for a person."""

    code, number, status = 500, 13, "INTERNAL"

    def body(self) -> dict[str, Any]:
        """The JSON of an HTTP answer."""
        return {"error": {"code": self.code, "message": str(self), "status": self.status}}

    def result(self) -> dict[str, Any]:
        """The `error` of a finished operation (google.rpc.Status)."""
        return {"code": self.number, "message": str(self)}


class InvalidArgumentError(VertexError):
    """The request itself is wrong."""

    code, number, status = 400, 3, "INVALID_ARGUMENT"


class NotFoundError(VertexError):
    """No such resource."""

    code, number, status = 404, 5, "NOT_FOUND"


class AlreadyExistsError(VertexError):
    """The id is taken."""

    code, number, status = 409, 6, "ALREADY_EXISTS"


class FailedPreconditionError(VertexError):
    """The request is right, but not in the state that the resource is in."""

    code, number, status = 400, 9, "FAILED_PRECONDITION"


class AbortedError(VertexError):
    """The resource changed since the caller read it (its etag differs)."""

    code, number, status = 409, 10, "ABORTED"


class UnimplementedError(VertexError):
    """Google can do this; the local Vertex AI cannot, and says so."""

    code, number, status = 501, 12, "UNIMPLEMENTED"
