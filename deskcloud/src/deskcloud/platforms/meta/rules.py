"""The rules of Custom Audiences, each with its source. UNVERIFIED marks a rule without a source.

The maximum number of calls per hour is not a rule here, but the setting `calls_per_hour` of the ad account
(document.py).

The sources in brackets are pages below https://developers.facebook.com/:

[users]         documentation/ads-commerce/marketing-api/reference/custom-audience/users
[usersreplace]  documentation/ads-commerce/marketing-api/reference/custom-audience/usersreplace
[guide]         documentation/ads-commerce/marketing-api/audiences/guides/custom-audiences
[versions]      docs/graph-api/changelog
[v27]           blog/post/2026/11/04/introducing-graph-api-v27-and-marketing-api-v27

- The Marketing API is available in v25.0, v26.0 and v27.0 [versions]. A request for an older version fails with the
  error 2635 [users].
- A parameter cannot override the HTTP method [v27, which says this for new apps].
- `payload` has `schema` (one key or a list of keys) and `data` (at most 10,000 records) [users].
- If `schema` is a list of keys, a record has a value for each key. A value that the sender does not know is empty
  [users].
- EXTERN_ID and MADID are not hashed. The other keys are SHA-256 [guide], in 64 lower-case hexadecimal digits. Other
  values are counted in `num_invalid_entries`: UNVERIFIED.
- A session has `session_id` (unique in the ad account), `batch_seq` (from 1), and `last_batch_flag` [users].
- A session that does not begin with batch 1 fails with the error 2650 and the subcode 1870147 [public reports; not on
  the pages].
- A batch that is sent twice counts once: UNVERIFIED. A batch after the last batch fails with error 2650: UNVERIFIED.
- A replacement needs a session, whose batches arrive within 90 minutes: UNVERIFIED. Only one replacement runs at a
  time: UNVERIFIED.
- A flagged audience has operation_status 471. Its updates fail with the error 100 and the subcode 1713230 [users].
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deskcloud.platforms.meta.errors import InvalidParameterError, OldVersionError, UnknownPathError

VERSIONS = ("v25.0", "v26.0", "v27.0")
MAX_RECORDS = 10_000
REPLACEMENT_SECONDS = 90 * 60

_SINGLE = {"EMAIL_SHA256": "EMAIL", "PHONE_SHA256": "PHONE", "MOBILE_ADVERTISER_ID": "MADID"}
_UNHASHED = frozenset({"EXTERN_ID", "MADID"})
_HASHED = frozenset({"EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "COUNTRY"})
# Each of these keys alone identifies a person. All other keys identify a person only in combination.
_IDENTIFYING = ("EXTERN_ID", "EMAIL", "PHONE", "MADID")
# The guide also allows these keys in `schema`. Their values do not identify a person.
_ABOUT = frozenset(
    {"LOOKALIKE_VALUE", "DATA_PROCESSING_OPTIONS"} | {f"DATA_PROCESSING_OPTIONS_{one}" for one in ("COUNTRY", "STATE")}
)
_HASH = re.compile("[0-9a-f]{64}")
_MAX_SAMPLES = 10


def check_version(version: str) -> None:
    """Check that the API version is available.

    Raises:
        OldVersionError: the version is older than the available versions.
        UnknownPathError: there is no such version.
    """
    if version in VERSIONS:
        return
    found = re.fullmatch(r"v(\d+)\.\d+", version)
    if found and int(found[1]) < 25:
        newest = VERSIONS[-1]
        raise OldVersionError(
            f"(#2635) You are calling a deprecated version of the Ads API. Please update to {newest}."
        )
    raise UnknownPathError(f"(#2500) Unknown path components: /{version}")


@dataclass
class Upload:
    """The records of a request: the identifiers of the valid records, and samples of the invalid records.

    `received` and `invalid` are counts. `samples` maps the position of an invalid record to the rule that it violates.
    """

    received: int = 0
    identifiers: list[str] = field(default_factory=list)
    invalid: int = 0
    samples: dict[str, str] = field(default_factory=dict)

    def refuse(self, position: int, rule: str) -> None:
        """Count an invalid record, and keep the first ten as samples."""
        self.invalid += 1
        if len(self.samples) < _MAX_SAMPLES:
            self.samples[str(position)] = rule


@dataclass(frozen=True)
class Session:
    """The parameter `session` of a request. `batch` is the number of the request's batch in the session, from 1."""

    id: str
    batch: int
    is_last: bool


def session(value: Any) -> Session | None:
    """Read the parameter `session`. Return None if the request does not contain this parameter.

    Raises:
        InvalidParameterError: the parameter is not an object, or one of the object's fields violates a rule.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidParameterError("Param session must be an object.")
    name, batch, is_last = value.get("session_id"), value.get("batch_seq", 1), value.get("last_batch_flag", False)
    if not re.fullmatch(r"\d{1,19}", str(name)) or int(str(name)) >= 2**63:
        raise InvalidParameterError("Param session[session_id] must be an int64.")
    if not re.fullmatch(r"[1-9]\d*", str(batch)):
        raise InvalidParameterError("Param session[batch_seq] must be an integer from 1.")
    if str(is_last).lower() not in {"true", "false"}:
        raise InvalidParameterError("Param session[last_batch_flag] must be a boolean.")
    return Session(str(int(str(name))), int(batch), str(is_last).lower() == "true")


def upload(payload: Any, fails: Callable[[int], bool]) -> Upload:
    """Read the parameter `payload`.

    `fails` takes the index of a record, and returns whether a planned fault refuses this record.

    Raises:
        InvalidParameterError: the payload violates a rule. An invalid record raises no error, but is counted.
    """
    if not isinstance(payload, Mapping):
        raise InvalidParameterError("The parameter payload is required.")
    keys, data = _keys(payload.get("schema")), payload.get("data")
    if not isinstance(data, list) or not data:
        raise InvalidParameterError("Param payload[data] must be a non-empty array.")
    if len(data) > MAX_RECORDS:
        raise InvalidParameterError(f"Param payload[data] has {len(data)} records; the maximum is {MAX_RECORDS}.")
    found = Upload(len(data))
    for index, record in enumerate(data):
        values = record if isinstance(record, list) else [record]
        rule = "The record is refused." if fails(index) else _broken_rule(keys, values)
        if rule:
            found.refuse(index, rule)
        else:
            found.identifiers += _identifiers(keys, values)
    return found


def _keys(schema: Any) -> list[str]:
    if isinstance(schema, str):
        # In a form, all values are texts. A text that begins with `[` is a list in JSON, any other text a single key.
        schema = json.loads(schema) if schema.startswith("[") else [schema]
    keys = [_SINGLE.get(str(one), str(one)) for one in schema] if isinstance(schema, list) else []
    if not keys or not set(keys) <= _HASHED | _UNHASHED | _ABOUT or len(set(keys)) < len(keys):
        raise InvalidParameterError("Param payload[schema] must be a supported key, or an array of different keys.")
    return keys


def _broken_rule(keys: list[str], values: list[Any]) -> str:
    """Return the rule that a record violates, or "". The text contains no personal data."""
    if len(values) != len(keys):
        return f"The record has {len(values)} values for {len(keys)} keys."
    for key, value in zip(keys, values, strict=True):
        if key in _HASHED and value != "" and not (isinstance(value, str) and _HASH.fullmatch(value)):
            return f"{key} is no SHA-256 hash in 64 lower-case hexadecimal digits."
    return "" if any(_known(keys, values).values()) else "The record has no value."


def _known(keys: list[str], values: list[Any]) -> dict[str, str]:
    return {
        key: str(value)
        for key, value in zip(keys, values, strict=True)
        if key not in _ABOUT and value not in ("", None)
    }


def _identifiers(keys: list[str], values: list[Any]) -> list[str]:
    known = _known(keys, values)
    found = [f"{key}:{known[key]}" for key in _IDENTIFYING if key in known]
    return found or ["|".join(f"{key}:{known[key]}" for key in sorted(known))]
