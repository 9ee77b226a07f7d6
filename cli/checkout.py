"""`propensity score`: ask score_checkout, as the shop does, and say what it says."""

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
    """Return the request: JSON as given, of the file that @FILE names, or of the standard input, which is -.

    Raises:
        UsageError: there is no such file, or what is given is not JSON; says why.
    """
    body = _given(text)
    try:
        jsontext.decode(body)
    except jsontext.NotJSONError as error:
        where = {"-": "the standard input"}.get(text, text[1:] if text.startswith("@") else "the request")
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
    """Send the request to the function at the URL in the environment and return its answer.

    Raises:
        CommandError: there is no URL, nobody answers at it, or the answer is a refusal; says what to mend.
        UsageError: the request breaks the contract.
    """
    url = os.environ.get(URL)
    if not url:
        raise CommandError(
            f"{URL} is not set: name the address of score_checkout. {world.LOCAL} For Google Cloud: "
            "`terraform -chdir=infra output score_checkout`, at the root of the checkout, tells it"
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
        raise CommandError(f"{url} answered what is no score: {error}") from error


def _refusal(answer: httpx.Response) -> str:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        return f"HTTP {answer.status_code} {answer.reason_phrase}"
    return f"{problem.status} {problem.title}: {problem.detail} (request {problem.request_id})"


def identity(url: str) -> dict[str, str]:
    """Return the header by which Cloud Run knows who asks; a function on this machine asks nobody who they are.

    Raises:
        CommandError: there is no identity token; says how to get one.
    """
    place = urlsplit(url)
    if place.scheme != "https" or place.hostname in {"localhost", "127.0.0.1", "::1"}:
        return {}
    if token := os.environ.get(TOKEN):
        return {"Authorization": f"Bearer {token}"}
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - only Google Cloud asks for it
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from google.oauth2 import id_token  # noqa: PLC0415

    try:
        token = id_token.fetch_id_token(Request(), url)  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise CommandError(
            f"no identity token for {url}: {error}. A person's credentials make none here. "
            "Ask for one and run this again: "
            f"`export {TOKEN}=$(gcloud auth print-identity-token)`. "
            "The account needs the role run.invoker on the function"
        ) from error
    return {"Authorization": f"Bearer {token}"}


def show(score: Score, out: Console) -> None:
    """Print the answer for a person."""
    decile = "not known" if score.decile is None else f"{score.decile} of 10"
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
