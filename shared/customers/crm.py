"""Check a row of crm_customers. An invalid value is left out; a row without a usable id is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_POSTAL_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{0,14}[0-9A-Za-z]|[0-9A-Za-z]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LONGEST_ID, _LONGEST_NAME = 256, 100


class Refusal(NamedTuple):
    """A value that breaks a rule. `rule` says what is allowed, and does not contain the value.

    `is_row` is True if the whole row is refused, not only the value.
    """

    field: str
    rule: str
    is_row: bool = False


class Customer(NamedTuple):
    """A checked row of crm_customers. A missing or invalid text is empty."""

    customer_id: str
    email: str
    phone: str
    first_name: str
    last_name: str
    country: str
    postal_code: str
    language: str


def check(row: Mapping[str, str | None], copies: int) -> tuple[Customer | None, list[Refusal]]:
    """Return the row's customer and the refusals. The customer is None if the whole row is refused.

    `copies` is the number of different rows with the same id.
    """
    given = {name: (value or "").strip() for name, value in row.items()}
    customer_id = given["customer_id"]
    if reason := _why_no_id(customer_id, copies):
        return None, [Refusal("customer_id", reason, is_row=True)]
    refusals: list[Refusal] = []
    country = given["country"].upper()
    if country and country not in phonenumbers.SUPPORTED_REGIONS:
        refusals.append(Refusal("country", "must be a country of ISO 3166-1 alpha-2, as FR is one"))
        country = ""
    email = _email(given["email"], refusals)
    phone = _phone(given["phone"], country, refusals)
    first_name = _name("first_name", given["first_name"], refusals)
    last_name = _name("last_name", given["last_name"], refusals)
    postal_code = _matching("postal_code", given["postal_code"], _POSTAL_CODE, refusals)
    language = _matching("language", given["language"], _LANGUAGE, refusals)
    return Customer(customer_id, email, phone, first_name, last_name, country, postal_code, language), refusals


def _why_no_id(customer_id: str, copies: int) -> str | None:
    if not customer_id:
        return "is missing: give each customer an id"
    if len(customer_id) > _LONGEST_ID or _CONTROL.search(customer_id):
        return f"must be at most {_LONGEST_ID} visible characters"
    if copies > 1:
        return f"occurs in {copies} different rows: keep one row for each customer"
    return None


def _email(given: str, refusals: list[Refusal]) -> str:
    if not given:
        return ""
    try:
        return validate_email(given, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        refusals.append(Refusal("email", "must be an e-mail address, as name@example.com is one"))
        return ""


def _phone(given: str, country: str, refusals: list[Refusal]) -> str:
    if not given:
        return ""
    try:
        number = phonenumbers.parse(given, country or None)
    except phonenumbers.NumberParseException:
        rule = "must be international with +, or as it is dialled in `country`"
        refusals.append(Refusal("phone", rule))
        return ""
    if not phonenumbers.is_valid_number(number):
        refusals.append(Refusal("phone", "must be a number that can exist in its country"))
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _name(field: str, given: str, refusals: list[Refusal]) -> str:
    if len(given) > _LONGEST_NAME or _CONTROL.search(given):
        refusals.append(Refusal(field, f"must be at most {_LONGEST_NAME} visible characters"))
        return ""
    return given


def _matching(field: str, given: str, pattern: re.Pattern[str], refusals: list[Refusal]) -> str:
    rules = {
        "postal_code": "must be at most 16 letters, digits, spaces and hyphens",
        "language": "must be a language of BCP 47, as fr and fr-CA are",
    }
    if given and not pattern.fullmatch(given):
        refusals.append(Refusal(field, rules[field]))
        return ""
    return given
