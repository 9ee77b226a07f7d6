"""Issue and check access tokens."""

import hashlib
import secrets
from typing import Any, NamedTuple

from deskcloud.document import MarketingCloud
from deskcloud.jsonstore import Documents
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.salesforce.errors import NotAuthorizedError, TokenRefusedError


class Client(NamedTuple):
    """The credentials of the only client."""

    id: str
    secret: str


class Tokens:
    """The access tokens of the client. Only hashes of the tokens are stored."""

    def __init__(self, state: Documents, clock: Clock, settings: MarketingCloud, client: Client) -> None:
        self._state, self._clock, self._seconds, self._client = state, clock, settings.token_seconds, client

    def issue(self, asked: Any, url: str) -> dict[str, Any]:
        """Issue a token for the client credentials in `asked`. `url` is the address of the REST and SOAP APIs.

        Raises:
            TokenRefusedError: the request or its credentials are not valid.
        """
        given = asked if isinstance(asked, dict) else {}
        if given.get("grant_type") != "client_credentials":
            raise TokenRefusedError(400, "unsupported_grant_type", 'Use "client_credentials" as the grant type.')
        for name, expected in (("client_id", self._client.id), ("client_secret", self._client.secret)):
            if not secrets.compare_digest(str(given.get(name, "")).encode(), expected.encode()):
                raise TokenRefusedError(401, "invalid_client", f"Invalid {name}. Use that of the installed package.")
        token = secrets.token_urlsafe(32)
        self._state.put(_name(token), {"expires": self._clock.now() + self._seconds})
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self._seconds,
            "scope": "data_extensions_read data_extensions_write email_read email_send",
            "rest_instance_url": url,
            "soap_instance_url": url,
        }

    def require(self, authorization: str) -> None:
        """Check that `authorization`, a request's header, has a token that has not expired.

        Raises:
            NotAuthorizedError: the token is missing, unknown or expired.
        """
        scheme, _, token = authorization.partition(" ")
        kept = self._state.get(_name(token)) if scheme.lower() == "bearer" else None
        if kept is None or kept["expires"] <= self._clock.now():
            raise NotAuthorizedError("Not Authorized")


def _name(token: str) -> str:
    return f"token:{hashlib.sha256(token.encode()).hexdigest()}"
