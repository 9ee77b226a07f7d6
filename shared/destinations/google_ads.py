"""A Customer Match list of Google Ads, through the Data Manager API.

sql/tables/google_ads_customers.sql normalizes and hashes the customers' addresses by Google's rules. If Google's quota
is used up, shared/destinations/delivery.py waits and sends again.

https://developers.google.com/data-manager/api/reference/rest/v1/audienceMembers
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import google.auth
from google.ads import datamanager_v1 as api
from google.api_core.exceptions import BadRequest, NotFound, TooManyRequests, Unauthorized

from shared.destinations.contract import Answer, Busy, Channel
from shared.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.destination_settings import GoogleAds
    from shared.destinations.contract import Batch, Member

SCOPE = "https://www.googleapis.com/auth/datamanager"
GRANTED = api.ConsentStatus.CONSENT_GRANTED
# All members that are sent have this consent, because sql/customers/exclusions.sql excludes customers without consent.
CONSENT = api.Consent(ad_user_data=GRANTED, ad_personalization=GRANTED)
TERMS = api.TermsOfService(customer_match_terms_of_service_status=api.TermsOfServiceStatus.ACCEPTED)
# The pause after HTTP 429 if the answer names no pause.
MINUTE = timedelta(minutes=1)
# The field's path in a violation. The path contains the member's position in the request, and the field's name.
MEMBER = re.compile(r"audience_members\[(\d+)\]\.(.+)")
STATES = api.RequestStatusPerDestination.RequestStatus


class GoogleAdsDestination:
    """A user list of Google Ads. Adding or removing a member again has no further effect."""

    name: ClassVar[str] = "google_ads"
    form: ClassVar[str] = "google_ads_customers"
    batch_size: ClassVar[int] = 10_000
    takes_scores: ClassVar[bool] = False
    is_keyed_by_address: ClassVar[bool] = True
    waits_for_earlier: ClassVar[bool] = False
    # https://developers.google.com/data-manager/api/devguides/diagnostics: the status is available after 30 minutes,
    # for up to 24 hours.
    first_look: ClassVar[timedelta] = timedelta(minutes=30)
    last_look: ClassVar[timedelta] = timedelta(hours=24)
    channel: ClassVar[Channel] = "ads"

    def __init__(self, settings: GoogleAds) -> None:
        self.mode = settings.mode
        self._client = _client(settings.api_endpoint)
        account = {"account_type": "GOOGLE_ADS", "account_id": settings.account}
        login = {"account_type": "GOOGLE_ADS", "account_id": settings.login_account or settings.account}
        self._destination = api.Destination(
            operating_account=account, login_account=login, product_destination_id=settings.user_list
        )

    def validate(self, member: Member) -> str | None:
        """Return why Google cannot match the member, or None if it can."""
        has_address = member.first_name and member.last_name and member.country and member.postal_code
        if member.email or member.phone or has_address:
            return None
        return "has neither an e-mail address, a phone number nor a postal address, so Google cannot match the customer"

    def apply(self, batch: Batch) -> Answer:
        """Send the batch; see Destination.apply.

        If Google refuses the request and names members, the request is sent once more without these members.
        """
        members = [
            api.AudienceMember(user_data=api.UserData(user_identifiers=_identifiers(one))) for one in batch.members
        ]
        try:
            return Answer(self._ask(members, puts=batch.puts), "sent")
        except BadRequest as error:
            wrong = _wrong_members(error, batch.members)
            if not wrong:
                why = "; ".join(f"{one['field']}: {one['description']}" for one in _violations(error)) or error.message
                raise Permanent(f"Google refuses the request: {why}; see docs/destinations.md") from error
            fine = [one for member, one in zip(batch.members, members, strict=True) if member.customer_id not in wrong]
            request = self._ask(fine, puts=batch.puts) if fine else ""
            return Answer(request, "sent" if fine else "confirmed", wrong)

    def status(self, request: str, _: Callable[[], list[Member]]) -> Answer:
        """Return the outcome of a request, which is `sent` while Google processes the request."""
        found = self._client.retrieve_request_status(request={"request_id": request})
        [one] = found.request_status_per_destination
        state = STATES(one.request_status)
        if state in {STATES.REQUEST_STATUS_UNKNOWN, STATES.PROCESSING}:
            return Answer(request, "sent")
        errors = [f"{count.reason.name}: {count.record_count}" for count in one.error_info.error_counts]
        detail = f"Google refused members, and does not say which: {', '.join(errors)}" if errors else ""
        return Answer(request, "failed" if state is STATES.FAILED else "confirmed", detail=detail)

    def _ask(self, members: Sequence[api.AudienceMember], *, puts: bool) -> str:
        """Add the members to the list, or remove them from it, and return the request's id.

        Raises:
            Busy: the quota is used up.
            Permanent: Google refuses access to the list.
        """
        try:
            if puts:
                given = api.IngestAudienceMembersRequest(
                    destinations=[self._destination],
                    audience_members=members,
                    consent=CONSENT,
                    encoding=api.Encoding.HEX,
                    terms_of_service=TERMS,
                )
                return self._client.ingest_audience_members(given).request_id
            taken = api.RemoveAudienceMembersRequest(
                destinations=[self._destination], audience_members=members, encoding=api.Encoding.HEX
            )
            return self._client.remove_audience_members(taken).request_id
        except TooManyRequests as error:
            raise Busy("Google's quota of requests is used up", datetime.now(UTC) + _pause(error)) from error
        except (Unauthorized, NotFound) as error:
            raise Permanent(f"Google refuses access to the list: {error.message}; see docs/destinations.md") from error


def _client(endpoint: str) -> api.IngestionServiceClient:
    scheme, _, host = (endpoint or "https://datamanager.googleapis.com").rpartition("://")
    credentials, _ = google.auth.default(scopes=[SCOPE])
    transport = api.IngestionServiceClient.get_transport_class("rest")
    return api.IngestionServiceClient(
        transport=transport(host=host, credentials=credentials, url_scheme=scheme or "https")
    )


def _identifiers(member: Member) -> list[api.UserIdentifier]:
    """Return what Google identifies a person by: hashed e-mail address, hashed phone number and postal address."""
    found = []
    if member.email:
        found.append(api.UserIdentifier(email_address=member.email))
    if member.phone:
        found.append(api.UserIdentifier(phone_number=member.phone))
    if member.first_name and member.last_name and member.country and member.postal_code:
        address = api.AddressInfo(
            given_name=member.first_name,
            family_name=member.last_name,
            region_code=member.country,
            postal_code=member.postal_code,
        )
        found.append(api.UserIdentifier(address=address))
    return found


def _wrong_members(error: BadRequest, members: Sequence[Member]) -> dict[str, str]:
    """Return the reason by customer, for the members that Google names in a refusal; empty if Google names none."""
    wrong = {}
    for violation in _violations(error):
        found = MEMBER.search(violation["field"])
        if found and int(found[1]) < len(members):
            wrong[members[int(found[1])].customer_id] = f"Google refuses {found[2]}: {violation['description']}"
    return wrong


def _violations(error: BadRequest) -> list[dict[str, str]]:
    """Return the field violations (`field`, `description`) of the error's google.rpc.BadRequest."""
    return [one for detail in error.details if isinstance(detail, dict) for one in detail.get("fieldViolations", ())]


def _pause(error: TooManyRequests) -> timedelta:
    """Return the pause that Google requests in google.rpc.RetryInfo, or MINUTE without such a request."""
    asked = (detail.get("retryDelay", "") for detail in error.details if isinstance(detail, dict))
    seconds = next((one.removesuffix("s") for one in asked if one), None)
    return timedelta(seconds=float(seconds)) if seconds else MINUTE
