"""Read the functions' log from Cloud Logging, and build the filters that select its entries."""

from __future__ import annotations

import os
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from cli import declarations
from cli.errors import CommandError
from shared.errors import told

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from datetime import datetime

URL = "PROPENSITY_LOGGING_URL"
GOOGLE = "https://logging.googleapis.com"
TIMEOUT_SECONDS = 30
# Maximum number of entries of one answer; Cloud Logging allows 1,000.
PAGE = 1000


class Entry(msgspec.Struct, frozen=True):
    """An entry of the log. `timestamp` is in RFC 3339. `payload` is empty if the entry is not JSON."""

    timestamp: str
    severity: str = "DEFAULT"
    payload: dict[str, Any] = msgspec.field(default_factory=dict, name="jsonPayload")


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    entries: list[Entry] = []
    next_page_token: str = ""


def own(narrower: str = "") -> str:
    """Return the filter for the functions' own log, or for the part of it that the filter `narrower` selects."""
    return f"{_whole()}{narrower}".rstrip()


@cache
def _whole() -> str:
    services = " OR ".join(f'"{name.replace("_", "-")}"' for name in declarations.read().functions)
    return declarations.watched().log.replace("SERVICES", services)


def of_run(run_id: str) -> str:
    """Return the filter that selects the log entries of a run."""
    return own(f'jsonPayload.run_id="{run_id}"')


def of_request(request_id: str) -> str:
    """Return the filter that selects the log entries of a checkout.

    Most entries have the field `request_id`. In the entry that logs the score, the id is in `prediction.request_id`.
    """
    quoted = request_id.replace("\\", "\\\\").replace('"', '\\"')
    return own(f'jsonPayload.request_id="{quoted}" OR jsonPayload.prediction.request_id="{quoted}"')


def newest(project: str, narrower: str, since: datetime, most: int) -> list[Entry]:
    """Return at most `most` entries of the functions' log that match `narrower`, the newest first.

    Raises:
        CommandError: Cloud Logging refuses, or does not answer.
    """
    filter_ = f'{own(narrower)}\ntimestamp>="{since.isoformat()}"'
    return list(islice(_entries(project, filter_, min(most, PAGE)), most))


def _entries(project: str, filter_: str, page_size: int) -> Iterator[Entry]:
    body: dict[str, Any] = {
        "resourceNames": [f"projects/{project}"],
        "filter": filter_,
        "orderBy": "timestamp desc",
        "pageSize": page_size,
    }
    url = os.environ.get(URL, GOOGLE)
    headers = _token() if url == GOOGLE else {}
    with httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS, verify=_context()) as client:
        while True:
            page = _page(client, f"{url}/v2/entries:list", body)
            yield from page.entries
            if not page.next_page_token:
                return
            body["pageToken"] = page.next_page_token


def _page(client: httpx.Client, url: str, body: dict[str, Any]) -> _Page:
    try:
        answer = client.post(url, json=body)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=_Page)
    except httpx.HTTPStatusError as error:
        refusal = f"HTTP {error.response.status_code}: {told(error.response.text.strip())[:300]}"
        raise CommandError(
            f"Cloud Logging refuses to list entries, which needs the role logging.viewer: {refusal}"
        ) from None
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        raise CommandError(f"Cloud Logging does not answer: {type(error).__name__}") from error


@cache
def _context() -> ssl.SSLContext:
    """Return the TLS context that all HTTP clients share.

    Each query of the log creates a client, and a TLS context for each client would be slow.
    """
    return httpx.create_ssl_context()


def _token() -> dict[str, str]:
    from google.auth import default  # noqa: PLC0415 - needed for Google Cloud only
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    try:
        credentials, _ = default(scopes=["https://www.googleapis.com/auth/logging.read"])
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise CommandError(
            f"no credentials for Cloud Logging: {error}. Run `gcloud auth application-default login`"
        ) from error
    return {"Authorization": f"Bearer {credentials.token}"}
