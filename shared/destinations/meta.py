"""A Custom Audience of Meta, through the Graph API.

https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec import Struct

from shared import jsontext
from shared.connections import Connections
from shared.destinations.contract import Answer, Busy, Channel
from shared.errors import Permanent
from shared.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.destination_settings import MetaAds
    from shared.destinations.contract import Batch, Member

TOKEN = "META_ACCESS_TOKEN"  # noqa: S105 - the secret's name, not its value
SCHEMA = ("EXTERN_ID", "EMAIL", "PHONE", "FN", "LN", "COUNTRY", "ZIP")
SECONDS = 60.0
# The remedy for each error code: https://developers.facebook.com/docs/marketing-api/error-reference.
REMEDIES = {
    100: "a parameter is wrong: check the id of the audience",
    190: f"the access token is wrong or has expired: store a new one in the secret {TOKEN}",
    200: "the token lacks the right ads_management, or the terms of Custom Audiences are not accepted",
    368: "Meta has blocked the account for a time: look at its account quality page",
    2650: "the batches of a session did not arrive in order",
}
RATE_LIMITS = {4, 17, 32, 613, 80003, 80004}
PAUSE = timedelta(minutes=1)


class _Error(Struct):
    code: int = 0
    message: str = ""
    error_subcode: int = 0


class _Refusal(Struct):
    error: _Error


class _Received(Struct):
    num_received: int
    num_invalid_entries: int = 0


class MetaDestination:
    """A Custom Audience. A repeated batch has the same session and number as before, so it has no further effect."""

    name: ClassVar[str] = "meta"
    form: ClassVar[str] = "meta_customers"
    batch_size: ClassVar[int] = 10_000
    takes_scores: ClassVar[bool] = False
    is_keyed_by_address: ClassVar[bool] = True
    waits_for_earlier: ClassVar[bool] = False
    first_look: ClassVar[timedelta] = timedelta(0)
    last_look: ClassVar[timedelta] = timedelta(hours=24)
    channel: ClassVar[Channel] = "ads"

    def __init__(self, settings: MetaAds, token: str) -> None:
        self.mode = settings.mode
        endpoint = settings.api_endpoint or "https://graph.facebook.com"
        self._url = f"{endpoint}/{settings.version}/{settings.audience}/users"
        self._http = Connections(1)
        self._token = token

    def validate(self, _: Member) -> str | None:
        """Return None, since each member has the shop's customer id, by which Meta can match."""
        return None

    def apply(self, batch: Batch) -> Answer:
        """Send the batch; see Destination.apply.

        All batches of a run that have the same kind belong to one session of Meta.
        """
        session = {
            "session_id": _session(f"{batch.run_id}-{batch.kind}"),
            "batch_seq": batch.number,
            "last_batch_flag": batch.number == batch.count,
            "estimated_num_total": batch.total,
        }
        data = [
            [
                one.customer_id,
                one.email or "",
                one.phone or "",
                one.first_name or "",
                one.last_name or "",
                one.country or "",
                one.postal_code or "",
            ]
            for one in batch.members
        ]
        body = {"session": session, "payload": {"schema": SCHEMA, "data": data}}
        answer = msgspec.convert(self._ask("POST" if batch.puts else "DELETE", body), _Received)
        invalid = answer.num_invalid_entries
        detail = f"Meta refused {invalid} members, and does not say which" if invalid else ""
        return Answer(batch.name, "confirmed", detail=detail)

    def status(self, request: str, _: Callable[[], list[Member]]) -> Answer:
        """Return `confirmed`: Meta has accepted the request, and reports nothing more about single requests."""
        return Answer(request, "confirmed")

    def _ask(self, method: str, body: dict[str, Any]) -> Any:
        response = self._http.request(
            method,
            self._url,
            body=jsontext.encode(body),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
            timeout=SECONDS,
            retries=False,
        )
        if response.status < 300:
            return msgspec.json.decode(response.data)
        raise _error(response.status, response.data)


def token(environment: Mapping[str, str] = os.environ) -> str:
    """Return the access token from the environment variable that Secret Manager sets.

    Raises:
        SettingsError: the variable is missing.
    """
    if not (found := environment.get(TOKEN)):
        raise SettingsError(f"{TOKEN} must be the access token of a system user with the right ads_management")
    return found


def _error(status: int, content: bytes) -> Exception:
    """Return the error to raise for a refused request: Busy, Permanent, or an error after which Pub/Sub retries."""
    try:
        error = msgspec.json.decode(content, type=_Refusal).error
    except msgspec.DecodeError:
        return RuntimeError(f"Meta answers with HTTP {status}")
    if error.code in RATE_LIMITS:
        return Busy(f"Meta's rate limit is used up (error {error.code})", datetime.now(UTC) + PAUSE)
    if remedy := REMEDIES.get(error.code):
        return Permanent(f"Meta refuses the request (error {error.code}): {remedy}")
    return RuntimeError(f"Meta answers with HTTP {status}, error {error.code}")


def _session(name: str) -> int:
    """Return the session's id, a 63-bit integer. The same `name` always gives the same id."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1
