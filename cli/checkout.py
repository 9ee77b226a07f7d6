"""`propensity score`: send a request to score_checkout, as the shop does, and print the answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import msgspec
from rich.markup import escape

from cli import terminal, world
from cli.errors import CommandError, UsageError
from shared import jsontext
from shared.online.contract import Problem, Score

if TYPE_CHECKING:
    from rich.console import Console

URL = "PROPENSITY_SCORE_CHECKOUT_URL"
TOKEN = "PROPENSITY_IDENTITY_TOKEN"  # noqa: S105 - a variable's name
TIMEOUT_SECONDS = 30


def document(text: str) -> bytes:
    """Return the request's JSON. `text` is the JSON itself, @FILE for a file, or - for standard input.

    Raises:
        UsageError: the file cannot be read, or the content is not JSON.
    """
    body = _given(text)
    try:
        jsontext.decode(body)
    except jsontext.NotJSONError as error:
        where = {"-": "standard input"}.get(text, text[1:] if text.startswith("@") else "the request")
        raise UsageError(f"{where} is not JSON: {error}; `propensity score --help` shows an example") from None
    return body


def _given(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode(errors="surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"{text}: the file cannot be read: {getattr(error, 'strerror', error)}") from None


def ask(body: bytes) -> Score:
    """Send the request to score_checkout and return the answer.

    The environment variable PROPENSITY_SCORE_CHECKOUT_URL holds the URL of score_checkout.

    Raises:
        CommandError: the URL is missing, nothing answers at the URL, or the function refused the request.
        UsageError: the request breaks the contract.
    """
    url = os.environ.get(URL)
    if not url:
        raise CommandError(
            f"{URL} is not set: set it to the URL of score_checkout. {world.LOCAL} For Google Cloud: "
            "`terraform -chdir=infra output score_checkout`, in the repository's root, prints it"
        )
    headers = {"Content-Type": "application/json", **identity(url)}
    try:
        answer = httpx.post(f"{url.rstrip('/')}/", content=body, headers=headers, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        raise CommandError(f"{url} does not answer: {error}") from error
    if answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY}:
        raise UsageError(_refusal(answer))
    if answer.status_code != httpx.codes.OK:
        raise CommandError(_refusal(answer))
    try:
        return msgspec.json.decode(answer.content, type=Score)
    except msgspec.DecodeError as error:
        raise CommandError(f"the answer of {url} is not a score: {error}") from error


def _refusal(answer: httpx.Response) -> str:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        return f"HTTP {answer.status_code} {answer.reason_phrase}"
    return f"{problem.status} {problem.title}: {problem.detail} (request {problem.request_id})"


def identity(url: str) -> dict[str, str]:
    """Return the header with the identity token that Cloud Run requires; empty for a function on this machine.

    Raises:
        CommandError: there is no identity token; the message says how to get one.
    """
    place = urlsplit(url)
    if place.scheme != "https" or place.hostname in {"localhost", "127.0.0.1", "::1"}:
        return {}
    if token := os.environ.get(TOKEN):
        return {"Authorization": f"Bearer {token}"}
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - needed for Google Cloud only
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from google.oauth2 import id_token  # noqa: PLC0415

    try:
        token = id_token.fetch_id_token(Request(), url)  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise CommandError(
            f"no identity token for {url}: {error}. A user's default credentials cannot create one. "
            f"Set one and run this again: `export {TOKEN}=$(gcloud auth print-identity-token)`. "
            "The account needs the role run.invoker on the function"
        ) from error
    return {"Authorization": f"Bearer {token}"}


def show(score: Score, out: Console) -> None:
    """Print the score as a table of names and values."""
    decile = "unknown" if score.decile is None else f"{score.decile} of 10"
    table = terminal.grid()
    for name, value in (
        ("probability", f"{score.probability:.4f}"),
        ("decile", decile),
        ("offer", score.offer.replace("_", " ")),
        ("next", ", ".join(score.next_products) or "nothing"),
        ("model", f"version {score.model_version}, {score.scored_by}"),
        ("request", score.request_id),
    ):
        table.add_row(name, escape(value))
    out.print(table)
