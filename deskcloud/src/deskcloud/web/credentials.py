"""Create a service account for Google's clients. The clients get their tokens from this machine, not from Google."""

import json
import os
import secrets as randomness
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud import jsontext
from deskcloud.web.answers import JSONResponse

_ACCOUNT = "service-account.json"
TOKEN_PATH = "/token"  # noqa: S105 - a path, not a password


class Grants:
    """Issues tokens to clients that have the service account's key in `state`, or to all clients if `state` is None."""

    def __init__(self, state: Path | None = None, token: str = "local") -> None:  # noqa: S107 - not a secret
        self._state = state
        self._token = token

    def route(self) -> Route:
        """Return the route `POST /token`, where clients get OAuth 2 tokens for the service account."""
        return Route(TOKEN_PATH, self._answer, methods=["POST"])

    def is_signed(self, token: str) -> bool:
        """Return whether the service account has signed the token and the token has not expired."""
        try:
            jwt.decode(token, certs=self._key)  # type: ignore[no-untyped-call]
        except (ValueError, GoogleAuthError):
            return False
        return True

    @cached_property
    def _key(self) -> bytes:
        """Return the public key of the service account, in PEM format."""
        account = json.loads(((self._state or Path()) / _ACCOUNT).read_text())
        key = serialization.load_pem_private_key(account["private_key"].encode(), None).public_key()
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    async def _answer(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode(errors="replace"))
        if self._state and not self.is_signed(form.get("assertion", [""])[0]):
            problem = {"error": "invalid_grant", "error_description": "Not signed by this cloud's service account."}
            return JSONResponse(problem, 400)
        return JSONResponse({"access_token": self._token, "expires_in": 3600, "token_type": "Bearer"})


def service_account_file(state: Path, token_url: str, project: str) -> Path:
    """Write `state`/service-account.json, the file for GOOGLE_APPLICATION_CREDENTIALS, and return its path.

    Only the file's owner can read the file. The private key stays the same after a restart, because running clients
    continue to use the key. The credentials are a service account, because `google.auth.default()` cannot return
    anonymous credentials. Clients request tokens only from `token_url`.
    """
    email = f"local@{project}.iam.gserviceaccount.com"
    file = state / _ACCOUNT
    account = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "local",
        "private_key": json.loads(file.read_text())["private_key"] if file.exists() else _new_key(),
        "client_email": email,
        "client_id": "0",
        "token_uri": token_url,
    }
    _write(file, jsontext.text(account, 2))
    return file


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unencrypted = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted).decode()


def secrets(state: Path, names: Iterable[str]) -> dict[str, str]:
    """Return a dict from `names` to secrets. A secret is a random text, which is created once and stored in `state`."""
    for name in names:
        if not (state / "secrets" / name).exists():
            _write(state / "secrets" / name, randomness.token_hex(32))
    return {name: (state / "secrets" / name).read_text() for name in names}


def _write(file: Path, content: str) -> None:
    """Write a file atomically. Only the file's owner can read it."""
    fresh = file.with_name(f"{file.name}.new")
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(content)
    fresh.replace(file)


def environment(credentials: Path, project: str) -> dict[str, str]:
    """Return environment variables that make Google's clients use `credentials` and connect only to this machine.

    For a service account, google-auth calls iamcredentials.googleapis.com in the background, and no option prevents
    this call. Therefore the variables name a proxy that does not exist, so that every https request of the clients
    fails. Plain http to 127.0.0.1 does not use the proxy. The proxy variables are set in upper and in lower case,
    because some clients read only the one or the other.
    """
    closed = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "GOOGLE_CLOUD_PROJECT": project,
        **closed,
        **{name.lower(): value for name, value in closed.items()},
    }
