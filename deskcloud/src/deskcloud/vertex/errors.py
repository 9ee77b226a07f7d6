"""Vertex AI's errors, with Google's names, codes and JSON format."""

from typing import Any


class VertexError(Exception):
    """A failed request or operation.

    `code` is the HTTP status. `number` is the gRPC code, and `status` the name of the gRPC code.
    """

    code, number, status = 500, 13, "INTERNAL"

    def body(self) -> dict[str, Any]:
        """Return the error as the JSON body of an HTTP response."""
        return {"error": {"code": self.code, "message": str(self), "status": self.status}}

    def result(self) -> dict[str, Any]:
        """Return the error as the field `error` of a finished operation (google.rpc.Status)."""
        return {"code": self.number, "message": str(self)}


class InvalidArgumentError(VertexError):
    """The request is invalid."""

    code, number, status = 400, 3, "INVALID_ARGUMENT"


class NotFoundError(VertexError):
    """The resource does not exist."""

    code, number, status = 404, 5, "NOT_FOUND"


class AlreadyExistsError(VertexError):
    """The id is taken."""

    code, number, status = 409, 6, "ALREADY_EXISTS"


class FailedPreconditionError(VertexError):
    """The request is valid, but the state of the resource does not allow the request."""

    code, number, status = 400, 9, "FAILED_PRECONDITION"


class AbortedError(VertexError):
    """The resource has changed since the caller read it, so the request's etag is not the resource's etag."""

    code, number, status = 409, 10, "ABORTED"


class UnimplementedError(VertexError):
    """Google supports this request, but the local Vertex AI does not."""

    code, number, status = 501, 12, "UNIMPLEMENTED"
