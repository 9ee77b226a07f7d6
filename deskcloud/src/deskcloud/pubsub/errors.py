"""Pub/Sub's errors, with Google's codes and messages."""

import grpc


class PubsubError(Exception):
    """An error answer, which has a gRPC status code and a message."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found(resource: str) -> PubsubError:
    """Return the error for a missing topic or subscription."""
    return PubsubError(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={resource.rpartition('/')[2]}).")


def already_exists(resource: str) -> PubsubError:
    """Return the error for a name that is taken."""
    return PubsubError(
        grpc.StatusCode.ALREADY_EXISTS,
        f"Resource already exists in the project (resource={resource.rpartition('/')[2]}).",
    )


def invalid(message: str) -> PubsubError:
    """Return the error for a request that violates a rule. The message names the value, the rule and the remedy."""
    return PubsubError(grpc.StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> PubsubError:
    """Return the error for a valid request that does not fit the resource, e.g. Pull of a push subscription."""
    return PubsubError(grpc.StatusCode.FAILED_PRECONDITION, message)


def unsupported(what: str) -> PubsubError:
    """Return the error for a feature of Google's Pub/Sub that the local Pub/Sub does not implement."""
    return PubsubError(grpc.StatusCode.UNIMPLEMENTED, f"{what} is not supported by the local Pub/Sub; leave it out.")
