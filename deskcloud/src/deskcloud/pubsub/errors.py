"""What Pub/Sub answers when it refuses, with Google's codes and words."""

import grpc


class PubsubError(Exception):
    """A refusal: a gRPC status code and the sentence that goes with it."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found(resource: str) -> PubsubError:
    """No topic or subscription of that full name."""
    return PubsubError(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={resource.rpartition('/')[2]}).")


def already_exists(resource: str) -> PubsubError:
    """The full name is taken."""
    return PubsubError(
        grpc.StatusCode.ALREADY_EXISTS,
        f"Resource already exists in the project (resource={resource.rpartition('/')[2]}).",
    )


def invalid(message: str) -> PubsubError:
    """The request breaks a rule; the message names the value, the rule and the remedy."""
    return PubsubError(grpc.StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> PubsubError:
    """The request is well-formed, but the resource is of another kind."""
    return PubsubError(grpc.StatusCode.FAILED_PRECONDITION, message)


def unsupported(what: str) -> PubsubError:
    """Google's Pub/Sub does this, the local one does not."""
    return PubsubError(grpc.StatusCode.UNIMPLEMENTED, f"{what} is not supported by the local Pub/Sub; leave it out.")
