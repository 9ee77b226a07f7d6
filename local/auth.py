"""Credentials that Google's clients take without an account: a service account whose token URL is on loopback."""

import os
import secrets as randomness
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.answers import JSONResponse
from shared import jsontext

_TOKEN = "local"  # noqa: S105 - it opens nothing: no local service checks it


def token_route() -> Route:
    """`POST /token`, the OAuth 2 endpoint that answers every service account's grant."""
    return Route("/token", _token, methods=["POST"])


def _token(_: Request) -> Response:
    return JSONResponse({"access_token": _TOKEN, "expires_in": 3600, "token_type": "Bearer"})


def service_account_file(state: Path, token_url: str, project: str) -> Path:
    """Write `state`/service-account.json for GOOGLE_APPLICATION_CREDENTIALS: a fresh key, readable by its owner only.

    A service account and not anonymous credentials, because it is what `google.auth.default()` finds by itself; with
    `token_url` on loopback nothing else is asked for a token.
    """
    email = f"local@{project}.iam.gserviceaccount.com"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "local",
        "private_key": key.decode(),
        "client_email": email,
        "client_id": "0",
        "token_uri": token_url,
    }
    file = state / "service-account.json"
    _write(file, jsontext.text(account, 2))
    return file


def secrets(state: Path, names: Iterable[str]) -> dict[str, str]:
    """Return each secret's value by its name, as Secret Manager gives it: made at random once, kept in `state`."""
    for name in names:
        if not (state / "secrets" / name).exists():
            _write(state / "secrets" / name, randomness.token_hex(32))
    return {name: (state / "secrets" / name).read_text() for name in names}


def _write(file: Path, content: str) -> None:
    """Write a file that its owner alone can read, all of it or nothing."""
    fresh = file.with_name(f"{file.name}.new")
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(content)
    fresh.replace(file)


def environment(credentials: Path, project: str) -> dict[str, str]:
    """What a process needs in its environment for Google's clients to use `credentials` and reach loopback alone.

    google-auth asks iamcredentials.googleapis.com in the background where a service account may be used, and has no
    switch for it. The proxy that is not there makes this, and every other https request, fail before it leaves; plain
    http to loopback never goes through it. Both spellings, because gRPC reads the one and others prefer it.
    """
    closed = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "GOOGLE_CLOUD_PROJECT": project,
        **closed,
        **{name.lower(): value for name, value in closed.items()},
    }
