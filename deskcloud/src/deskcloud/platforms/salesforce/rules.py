"""The rules of Marketing Cloud, each with its source. UNVERIFIED marks a rule without a source.

The sources in brackets are pages below https://developer.salesforce.com/docs/marketing/marketing-cloud/:

[token]    guide/access-token-s2s.html
[upsert]   references/mc_rest_data_extensions/updateDataExtensionIDAsync.html; [insert], [status] and [results] are in
           the same folder
[send]     references/mc_rest_transactional_messaging_email/sendMessageSingleRecipient.html; [send many] and
           [send status] are in the same folder
[limits]   help.salesforce.com/s/articleView?id=mktg.mc_overview_limits_api.htm, a page of another site

- A token is valid for 20 minutes, and `expires_in` says 1,079 seconds [token; the number is from examples].
- An asynchronous request has `items`. Each item is a flat object that maps columns to values [upsert]. There are at
  most 32,000 items [limits: hard limit]. A body has at most 5.9 MB: UNVERIFIED.
- A request for an unknown data extension is answered 400 [upsert]. The body of this answer is UNVERIFIED.
- A row needs the primary key and all required columns, and may leave out all other columns [upsert]. An upsert does
  not change the columns that are left out: UNVERIFIED.
- An insert of a row whose key exists fails with `UnexpectedError` [results: its example]. The codes of other errors of
  rows are UNVERIFIED. Column names are the same in upper and lower case: UNVERIFIED.
- A request is Pending, and then Complete or Error [status]. Results have pages of 50 rows [results].
- REST cannot delete rows: the pages about REST describe no such method. SOAP's method Delete takes objects of the type
  DataExtensionObject, each with a row's primary key [guide/delete.html]. AMPscript and SSJS can delete rows, too.
  Two points are UNVERIFIED: the deletion of an unknown row is an error of concurrency, and the fault `Token Expired`
  has HTTP status 500.
- A message key has at most 100 characters and is unique during 2 days. A status is kept for 3 days [send, send status].
  The page about messages to several recipients says 72 hours instead of 2 days.
- A request has at most 2,000 recipients [send many].
- Status times are in Central Standard Time without daylight saving [send status].
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from deskcloud.document import DataExtension, ExtensionColumn

MAX_ROWS, MAX_BYTES, PAGE_ROWS = 32_000, 5_900_000, 50
MAX_KEY_CHARACTERS, MAX_RECIPIENTS = 100, 2_000
UNIQUE_SECONDS, STATUS_SECONDS = 2 * 86_400, 3 * 86_400

_CENTRAL = timezone(timedelta(hours=-6))
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_BOOLEANS = frozenset({"true", "false", "1", "0"})


def is_email(text: object) -> bool:
    """Return whether a text has the form of an e-mail address."""
    return isinstance(text, str) and _EMAIL.fullmatch(text) is not None


def central_time(seconds: float) -> str:
    """Return a time (seconds since 1970) in Central Standard Time, such as `2026-11-26T08:30:00.000`."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(_CENTRAL).isoformat(timespec="milliseconds")[:23]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,10}", text) is not None


def _is_decimal(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


_FORMS: dict[str, Callable[[str], bool]] = {
    "Text": lambda _: True,
    "Phone": lambda text: re.fullmatch(r"[+\d][\d ()./-]*", text) is not None,
    "EmailAddress": is_email,
    "Number": _is_number,
    "Decimal": _is_decimal,
    "Date": _is_date,
    "Boolean": lambda text: text.lower() in _BOOLEANS,
}


def named(extension: DataExtension, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with column names that are spelled as in the data extension. Unknown names are not changed."""
    names = {column.name.lower(): column.name for column in extension.columns}
    return {names.get(name.lower(), name): value for name, value in row.items()}


def broken_rule(extension: DataExtension, row: Mapping[str, Any]) -> str:
    """Return the rule that a row violates, or "". The text contains no personal data."""
    columns = {column.name: column for column in extension.columns}
    for name in row:
        if name not in columns:
            return f"The data extension has no column {name}."
    for column in extension.columns:
        value = row.get(column.name)
        if value is None or value == "":
            if column.is_primary_key or column.is_required:
                return f"The column {column.name} is required."
        elif rule := _broken_form(column, value):
            return rule
    return ""


def _broken_form(column: ExtensionColumn, value: Any) -> str:
    if isinstance(value, dict | list):
        return f"The column {column.name} takes no objects and arrays."
    text = str(value)
    if not _FORMS[column.type](text):
        return f"The value of the column {column.name} is no {column.type}."
    if column.max_length and len(text) > column.max_length:
        return f"The value of the column {column.name} has more than {column.max_length} characters."
    return ""


def key_of(extension: DataExtension, row: Mapping[str, Any]) -> str:
    """Return the row's primary key as text, or "" if the data extension has none."""
    return "|".join(str(row[column.name]) for column in extension.columns if column.is_primary_key)
