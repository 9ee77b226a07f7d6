"""The Graph API's errors: https://developers.facebook.com/docs/graph-api/guides/error-handling.

Meta documents the codes, but not always their HTTP status. The HTTP statuses of the codes 190, 368 and 80003 are
UNVERIFIED: we know no source.
"""

import secrets
from typing import Any


class GraphError(Exception):
    """A failed request, with its HTTP status, the error's code and, if there is one, its subcode."""

    status, code, subcode, kind = 500, 2, 0, "OAuthException"
    title = user_message = ""
    is_transient = False

    def body(self) -> dict[str, Any]:
        """Return the error as the JSON body of an HTTP response."""
        error: dict[str, Any] = {"message": str(self), "type": self.kind, "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.title:
            error |= {"error_user_title": self.title, "error_user_msg": self.user_message}
        error |= {"is_transient": self.is_transient, "fbtrace_id": secrets.token_urlsafe(8)}
        return {"error": error}


class ServiceError(GraphError):
    """A planned fault of the service."""

    is_transient = True


class InvalidParameterError(GraphError):
    """A parameter is missing or violates a rule."""

    status, code = 400, 100

    def __init__(self, rule: str) -> None:
        super().__init__(f"(#100) {rule}")


class UnknownObjectError(InvalidParameterError):
    """There is no such audience, or the token has no access to it."""

    subcode = 33


class FlaggedAudienceError(InvalidParameterError):
    """The audience is flagged (operation_status 471), so its members cannot be changed."""

    subcode = 1713230
    title = "Audience Upload Blocked"
    user_message = "Resolve the integrity restrictions on this audience before you update its members."


class TokenError(GraphError):
    """The access token is missing or invalid."""

    status, code = 400, 190


class ExpiredTokenError(TokenError):
    """The access token has expired."""

    subcode = 463


class PermissionDeniedError(GraphError):
    """The token lacks a permission."""

    status, code = 403, 200


class BlockedError(GraphError):
    """The action is temporarily blocked."""

    status, code = 400, 368


class UpdateFailedError(GraphError):
    """The audience cannot be updated, because the batches of the session violate a rule."""

    status, code = 400, 2650

    def __init__(self, rule: str, subcode: int = 0) -> None:
        super().__init__(f"(#2650) Failed to update the custom audience: {rule}")
        self.subcode = subcode


class TooManyCallsError(GraphError):
    """Too many calls to the ad account."""

    status, code, is_transient = 400, 80003, True


class OldVersionError(GraphError):
    """The version is no longer available for the Marketing API."""

    status, code = 400, 2635


class UnknownPathError(GraphError):
    """There is no such path or version."""

    status, code = 400, 2500
