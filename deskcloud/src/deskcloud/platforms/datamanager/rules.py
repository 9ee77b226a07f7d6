"""The rules of Data Manager's requests, each with its source. If a rule is violated, the whole request fails.

The source is in brackets. It is a page below https://developers.google.com/data-manager/api/. [proto] is the comment of
the field in googleapis/google/ads/datamanager/v1, and [ErrorReason] is reference/rest/v1/ErrorReason. UNVERIFIED marks
a rule without a source.

- A request has 1 to 10 destinations and at most 10,000 members with at most 10 identifiers [devguides/limits].
- A destination has an operating account with type and id, and a product destination id [proto].
- Destinations have unique references, and members refer only to these [ErrorReason].
- A member has one kind of data, and all members of a request have the same kind [ErrorReason, proto].
- User data need `encoding`. Identifiers are SHA-256, as 64 hexadecimal digits or as base64 of 32 bytes [proto].
- An address needs given name, family name (both hashed), region code (two letters) and postal code [proto].
- User data and mobile data need accepted terms of service [proto].
- `removeAsOfTime` is not in the future [proto].
- A wrong optional field causes a warning instead of an error [devguides/concepts/understand-errors]. The hash of
  `addressLine` is treated as an optional field: UNVERIFIED.
- A member's consent has priority over the request's consent. The processing of a member with denied consent fails
  [proto]. Members without any consent are accepted: UNVERIFIED. A removal needs no consent: UNVERIFIED.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deskcloud.platforms.datamanager.errors import Violation
from deskcloud.platforms.datamanager.wire import as_hex

MAX_MEMBERS, MAX_IDENTIFIERS, MAX_DESTINATIONS = 10_000, 10, 10
KINDS = ("userData", "compositeData", "mobileData", "userIdData")
"""The kinds of data that the local service accepts. The API's other kinds are for data partners."""

_OTHER_KINDS = ("pairData", "ppidData", "googleUserIdData", "partnerProvidedIdData")
_NEED_TERMS = ("userData", "compositeData", "mobileData")
_MOBILE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

type HasList = Callable[[str, str], bool]
"""A function that takes the ids of an account and of a user list, and returns whether the account has the list."""


@dataclass
class Reader:
    """Reads the members of a request, and notes violations and warnings.

    `encoding` is HEX or BASE64, or "" if the request does not contain a valid encoding.
    """

    encoding: str = ""
    violations: list[Violation] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    def refuse(self, place: str, description: str, reason: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(place, description, reason))

    def identifiers(self, member: Mapping[str, Any], place: str) -> list[str]:
        """Return a member's identifiers as texts, such as `emailAddress:HASH`. The hash is in hexadecimal digits."""
        if "compositeData" in member:
            if member["compositeData"].get("ipData"):
                self.refuse(f"{place}.composite_data.ip_data", "The local service takes no IP data.", "INVALID_FORMAT")
            member, place = member["compositeData"], f"{place}.composite_data"
        if "userData" in member:
            return self._user(member["userData"], f"{place}.user_data")
        if "mobileData" in member:
            return self._mobile(member["mobileData"], f"{place}.mobile_data")
        text = member.get("userIdData", {}).get("userId", "")
        return [f"userId:{self._given(text, f'{place}.user_id_data.user_id')}"]

    def _user(self, data: Mapping[str, Any], place: str) -> list[str]:
        if not self.encoding and not any(one.field == "encoding" for one in self.violations):
            self.refuse("encoding", "User data need an encoding.", "REQUIRED_FIELD_MISSING")
        given = data.get("userIdentifiers", [])
        self._count(given, f"{place}.user_identifiers")
        return [self._identifier(one, f"{place}.user_identifiers[{index}]") for index, one in enumerate(given)]

    def _identifier(self, one: Mapping[str, Any], place: str) -> str:
        match list(one):
            case ["emailAddress" | "phoneNumber" as name]:
                return f"{name}:{self._hash(one[name], f'{place}.{_snake(name)}')}"
            case ["address"]:
                return self._address(one["address"], f"{place}.address")
        self.refuse(place, "Give one of email_address, phone_number and address.", "INVALID_AUDIENCE_MEMBER")
        return ""

    def _address(self, address: Mapping[str, str], place: str) -> str:
        names = [self._hash(address.get(name, ""), f"{place}.{_snake(name)}") for name in ("givenName", "familyName")]
        region = self._given(address.get("regionCode", ""), f"{place}.region_code")
        if region and not re.fullmatch("[A-Za-z]{2}", region):
            self.refuse(f"{place}.region_code", "A region code has two letters.", "INVALID_REGION_CODE")
        postal = self._given(address.get("postalCode", ""), f"{place}.postal_code")
        line = address.get("addressLine", "")
        if line and not self._is_hash(line):
            warning = {"field": f"{place}.address_line", "reason": "WARNING_REASON_INVALID_SHA256_FORMAT"}
            self.warnings.append(warning | {"description": "The address line is not hashed with SHA-256."})
        return ":".join(("address", *names, region.upper(), postal))

    def _mobile(self, data: Mapping[str, Any], place: str) -> list[str]:
        given = data.get("mobileIds", [])
        self._count(given, f"{place}.mobile_ids")
        for index, one in enumerate(given):
            if not _MOBILE_ID.fullmatch(one):
                self.refuse(f"{place}.mobile_ids[{index}]", "A mobile id is a UUID.", "INVALID_MOBILE_ID_FORMAT")
        return [f"mobileId:{one.lower()}" for one in given]

    def _count(self, given: list[Any], place: str) -> None:
        if not given:
            self.refuse(place, "At least one identifier is required.", "REQUIRED_FIELD_MISSING")
        elif len(given) > MAX_IDENTIFIERS:
            self.refuse(place, f"At most {MAX_IDENTIFIERS} identifiers.", "TOO_MANY_USER_IDENTIFIERS")

    def _given(self, text: str, place: str) -> str:
        if not text:
            self.refuse(place, "This field is required.", "REQUIRED_FIELD_MISSING")
        return text

    def _hash(self, text: str, place: str) -> str:
        if not self._given(text, place):
            return ""
        try:
            digest = as_hex(text, self.encoding)
        except (ValueError, binascii.Error):
            encoding = self.encoding or "HEX"
            self.refuse(place, f"The value is not in {encoding}.", f"INVALID_{encoding}_ENCODING")
            return ""
        if len(digest) != 64:
            self.refuse(place, "The value is no SHA-256 hash: it has not 32 bytes.", "INVALID_SHA256_FORMAT")
        return digest

    def _is_hash(self, text: str) -> bool:
        try:
            return len(as_hex(text, self.encoding)) == 64
        except (ValueError, binascii.Error):
            return False


def destination_problems(destinations: list[dict[str, Any]], has_list: HasList) -> Iterator[Violation]:
    """Yield the violations in a request's destinations."""
    if not destinations:
        yield Violation("destinations", "At least one destination is required.", "REQUIRED_FIELD_MISSING")
    if len(destinations) > MAX_DESTINATIONS:
        yield Violation("destinations", f"At most {MAX_DESTINATIONS} destinations.", "TOO_MANY_DESTINATIONS")
    references = [one["reference"] for one in destinations if one.get("reference")]
    if len(set(references)) < len(references):
        yield Violation("destinations", "References must be unique.", "DUPLICATE_DESTINATION_REFERENCE")
    for index, one in enumerate(destinations):
        place, account = f"destinations[{index}]", one.get("operatingAccount", {})
        kind = account.get("accountType") or account.get("product")
        if not kind or not account.get("accountId"):
            yield Violation(f"{place}.operating_account", "Type and id are required.", "REQUIRED_FIELD_MISSING")
        elif not one.get("productDestinationId"):
            yield Violation(f"{place}.product_destination_id", "This field is required.", "REQUIRED_FIELD_MISSING")
        elif kind != "GOOGLE_ADS" or not has_list(account["accountId"], one["productDestinationId"]):
            yield Violation(f"{place}.product_destination_id", "The account has no such list.", "INVALID_USER_LIST_ID")


def member_problems(body: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield the violations that concern the number of members, their kinds of data, and their references."""
    members = body.get("audienceMembers", [])
    if not members:
        yield Violation("audience_members", "At least one member is required.", "REQUIRED_FIELD_MISSING")
    if len(members) > MAX_MEMBERS:
        yield Violation("audience_members", f"At most {MAX_MEMBERS} members.", "TOO_MANY_AUDIENCE_MEMBERS")
    known = {one.get("reference") for one in body.get("destinations", [])}
    kinds = set()
    for index, one in enumerate(members):
        place = f"audience_members[{index}]"
        given = [kind for kind in (*KINDS, *_OTHER_KINDS) if kind in one]
        kinds.update(given)
        if len(given) != 1:
            yield Violation(place, "A member has one kind of data.", "INVALID_AUDIENCE_MEMBER")
        elif given[0] in _OTHER_KINDS:
            yield Violation(f"{place}.{_snake(given[0])}", "This kind is for data partners.", "NOT_ALLOWLISTED")
        if not known.issuperset(one.get("destinationReferences", [])):
            yield Violation(f"{place}.destination_references", "No destination has it.", "INVALID_DESTINATION")
    if len(kinds) > 1:
        yield Violation("audience_members", "All members need the same kind.", "MULTIPLE_DATA_TYPES_NOT_ALLOWED")


def terms_problems(body: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield a violation if the request needs accepted terms of service and does not say that they are accepted."""
    status = body.get("termsOfService", {}).get("customerMatchTermsOfServiceStatus")
    needs_terms = any(kind in one for one in body.get("audienceMembers", [])[:1] for kind in _NEED_TERMS)
    if needs_terms and status != "ACCEPTED":
        place = "terms_of_service.customer_match_terms_of_service_status"
        yield Violation(place, "The terms of service must be accepted.", "TERMS_AND_CONDITIONS_NOT_SIGNED")


def is_denied(member: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether a consent is denied. The request's consent applies if the member does not specify a consent."""
    own, common = _specified(member), _specified(body)
    return "CONSENT_DENIED" in (common | own).values()


def _specified(part: Mapping[str, Any]) -> dict[str, str]:
    # In protos, the enum value ..._UNSPECIFIED means the same as an absent field.
    return {name: one for name, one in part.get("consent", {}).items() if one != "CONSENT_STATUS_UNSPECIFIED"}


@cache
def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)
