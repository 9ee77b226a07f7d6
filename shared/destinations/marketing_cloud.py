"""A client of Salesforce Marketing Cloud: access tokens, storing rows of a data extension (REST), deleting rows (SOAP).

https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/access-token-s2s.html
https://developer.salesforce.com/docs/marketing/marketing-cloud/references/mc_rest_data_extensions/updateDataExtensionIDAsync.html
https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/delete.html
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct

from shared import jsontext
from shared.connections import Connections
from shared.destinations.contract import Busy
from shared.errors import Permanent
from shared.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from urllib3 import BaseHTTPResponse

    from shared.destination_settings import Salesforce

CLIENT_ID, CLIENT_SECRET = "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"
# Maximum number of rows in a synchronous request: help.salesforce.com/s/articleView?id=mktg.mc_overview_limits_api.htm
MOST_DELETED = 50
# Number of results per page. Salesforce's default is 50.
PAGE = 500
SECONDS = 60.0
# A token is renewed this many seconds before it expires.
MARGIN = 60.0
# The pause after HTTP 429 if the answer names no pause.
PAUSE = timedelta(minutes=1)
SCOPES = "the scopes data_extensions_read and data_extensions_write"


class Client(NamedTuple):
    """The credentials of the installed package."""

    id: str
    secret: str


class Result(Struct, frozen=True):
    """The result for one row. `message` may contain the row's values."""

    status: str
    message: str | None = None

    @property
    def is_ok(self) -> bool:
        """Return whether the row was stored or deleted."""
        return self.status == "OK"


class Status(Struct, frozen=True, rename="camel"):
    """The state of a request: `request_status` is Pending, Executing, Complete or Error."""

    request_status: str
    has_errors: bool = False


class _Token(Struct, frozen=True):
    access_token: str
    expires_in: float
    rest_instance_url: str
    soap_instance_url: str


class _Accepted(Struct, rename="camel"):
    request_id: str


class _Looked(Struct):
    status: Status | None = None


class _Page(Struct):
    page: int = 1
    count: int = 0
    items: list[Result] | None = None


class _Refusal(Struct, rename="camel"):
    errorcode: int = 0
    retry_after: int = 0


class MarketingCloud:
    """Stores, checks and deletes rows. It reuses a token until it expires, because Salesforce limits the tokens."""

    def __init__(self, settings: Salesforce, client: Client) -> None:
        self._auth = settings.api_endpoint or f"https://{settings.subdomain}.auth.marketingcloudapis.com"
        self._unit = {"account_id": int(settings.business_unit)} if settings.business_unit else {}
        self._client = client
        self._http = Connections(1)
        self._token: _Token | None = None
        self._expires_at = 0.0

    def upsert(self, key: str, rows: Sequence[Mapping[str, Any]]) -> str:
        """Store rows in the data extension whose external key is `key`; return the id of the request.

        Raises:
            Permanent: Salesforce refuses the request for a reason that a retry cannot fix.
            Busy: Salesforce asks to wait.
        """
        path = f"/data/v1/async/dataextensions/key:{quote(key, safe='')}/rows"
        return msgspec.json.decode(self._rest("PUT", path, {"items": rows}), type=_Accepted).request_id

    def status(self, request: str) -> Status | None:
        """Return the state of a request, or None if Salesforce does not know the request, e.g. because it is too new.

        Raises:
            Permanent, Busy: see `upsert`.
        """
        return msgspec.json.decode(self._rest("GET", f"/data/v1/async/{request}/status"), type=_Looked).status

    def results(self, request: str) -> list[Result]:
        """Return the result for each row of a request, in the order in which the rows were sent.

        Raises:
            Permanent, Busy: see `upsert`.
        """
        found: list[Result] = []
        number = 1
        while True:
            path = f"/data/v1/async/{request}/results?$page={number}&$pageSize={PAGE}"
            page = msgspec.json.decode(self._rest("GET", path), type=_Page)
            if page.page != number or not page.items:
                return found
            found += page.items
            if len(found) >= page.count:
                return found
            number += 1

    def delete(self, key: str, column: str, values: Sequence[str]) -> list[Result]:
        """Delete at most MOST_DELETED rows of the data extension by their primary key, and return a result for each.

        Raises:
            Permanent, Busy: see `upsert`.
        """
        rows = "".join(
            f'<Objects xsi:type="DataExtensionObject"><CustomerKey>{escape(key)}</CustomerKey><Keys><Key>'
            f"<Name>{escape(column)}</Name><Value>{escape(one)}</Value></Key></Keys></Objects>"
            for one in values
        )
        answer = ET.fromstring(self._soap("Delete", f"<Options/>{rows}"))  # noqa: S314 - Salesforce's, over TLS
        results = [
            Result(one.findtext("{*}StatusCode", ""), one.findtext("{*}StatusMessage", ""))
            for one in answer.iterfind(".//{*}Results")
        ]
        if len(results) != len(values):
            said = answer.findtext(".//{*}OverallStatus", "no status")
            raise Permanent(f"Salesforce does not delete rows ({said}): give the installed package {SCOPES}")
        return results

    def _rest(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        def ask(token: _Token) -> BaseHTTPResponse:
            return self._http.request(
                method,
                f"{token.rest_instance_url.rstrip('/')}{path}",
                body=None if body is None else jsontext.encode(body),
                headers={"Content-Type": "application/json", "Authorization": f"Bearer {token.access_token}"},
                timeout=SECONDS,
                retries=False,
            )

        return self._answered(ask)

    def _soap(self, action: str, content: str) -> bytes:
        def ask(token: _Token) -> BaseHTTPResponse:
            envelope = (
                '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
                f'<fueloauth xmlns="http://exacttarget.com">{escape(token.access_token)}</fueloauth></s:Header>'
                '<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
                f'<{action}Request xmlns="http://exacttarget.com/wsdl/partnerAPI">{content}</{action}Request>'
                "</s:Body></s:Envelope>"
            )
            return self._http.request(
                "POST",
                f"{token.soap_instance_url.rstrip('/')}/Service.asmx",
                body=envelope.encode(),
                headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action},
                timeout=SECONDS,
                retries=False,
            )

        return self._answered(ask)

    def _answered(self, ask: Callable[[_Token], BaseHTTPResponse]) -> bytes:
        """Return the content of the answer. If Salesforce refuses the token, repeat the request with a new token."""
        response = ask(self._valid_token())
        if _refuses_token(response):
            self._token = None
            response = ask(self._valid_token())
        if _refuses_token(response):
            raise Permanent(f"Salesforce refuses a new access token: give the installed package {SCOPES}")
        if response.status < 300:
            return response.data
        raise _error(response)

    def _valid_token(self) -> _Token:
        if self._token and time.monotonic() < self._expires_at:
            return self._token
        asked_at = time.monotonic()
        credentials = {"client_id": self._client.id, "client_secret": self._client.secret, **self._unit}
        response = self._http.request(
            "POST",
            f"{self._auth}/v2/token",
            body=jsontext.encode({"grant_type": "client_credentials", **credentials}),
            headers={"Content-Type": "application/json"},
            timeout=SECONDS,
            retries=False,
        )
        if 400 <= response.status < 500 and response.status != 429:
            raise Permanent(
                f"Salesforce gives no access token (HTTP {response.status}): store the client id and secret of an "
                f"installed package with a server-to-server integration in the secrets {CLIENT_ID} and "
                f"{CLIENT_SECRET}, and check salesforce.subdomain and salesforce.business_unit"
            )
        if response.status >= 300:
            raise _error(response)
        self._token = msgspec.json.decode(response.data, type=_Token)
        self._expires_at = asked_at + self._token.expires_in - MARGIN
        return self._token


def client(environment: Mapping[str, str] = os.environ) -> Client:
    """Return the credentials from the environment variables that Secret Manager sets.

    Raises:
        SettingsError: a variable is missing.
    """
    for name in (CLIENT_ID, CLIENT_SECRET):
        if not environment.get(name):
            raise SettingsError(f"{name} must be that of an installed package with a server-to-server integration")
    return Client(environment[CLIENT_ID], environment[CLIENT_SECRET])


def _refuses_token(response: BaseHTTPResponse) -> bool:
    """Return whether the response says that the token is invalid: HTTP 401 from REST, HTTP 500 from SOAP."""
    return response.status == 401 or (response.status == 500 and b"Token Expired" in response.data)


def _error(response: BaseHTTPResponse) -> Exception:
    """Return the error for a refused request, without Salesforce's text, which may contain a row's values."""
    try:
        refusal = msgspec.json.decode(response.data, type=_Refusal)
    except msgspec.MsgspecError:
        refusal = _Refusal()
    said = f"HTTP {response.status}, error {refusal.errorcode}"
    if response.status == 429:
        asked = response.headers.get("Retry-After", "")
        seconds = int(asked) if asked.isdecimal() else refusal.retry_after
        until = datetime.now(UTC) + (timedelta(seconds=seconds) or PAUSE)
        return Busy(f"Salesforce limits the number of requests ({said})", until)
    if response.status == 403:
        return Permanent(f"Salesforce refuses the request ({said}): give the installed package {SCOPES}")
    if response.status in {400, 404}:
        return Permanent(
            f"Salesforce refuses the request ({said}): salesforce.data_extension must be the external key of a data "
            "extension with the columns and the primary key in docs/destinations.md"
        )
    return RuntimeError(f"Salesforce answers with {said}")
