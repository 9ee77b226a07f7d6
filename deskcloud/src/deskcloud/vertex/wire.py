"""Build and check times, etags, field masks, ids, labels and display names, which several resources have."""

import base64
import hashlib
import re
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from deskcloud import jsontext
from deskcloud.jsonstore import Document
from deskcloud.vertex.errors import AbortedError, InvalidArgumentError


def now() -> str:
    """Return the current time (UTC) in RFC 3339, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id(digits: int = 19) -> str:
    """Return a random id in Google's format, which is a number of `digits` digits without a leading zero."""
    return str(secrets.choice(range(1, 10))) + "".join(secrets.choice("0123456789") for _ in range(digits - 1))


def checked_id(value: str, pattern: str, what: str) -> str:
    """Return `value` if the whole text matches `pattern`. `what` is the field's name for the error message.

    Raises:
        InvalidArgumentError: `value` does not match.
    """
    if not re.fullmatch(pattern, value):
        raise InvalidArgumentError(f"Invalid {what} {value!r}: it must match {pattern}.")
    return value


def tagged(resource: Document) -> Document:
    """Return the resource with an etag, which is a hash of all other fields."""
    digest = hashlib.sha256(jsontext.encode(resource, is_sorted=True)).digest()
    return resource | {"etag": base64.urlsafe_b64encode(digest[:12]).decode()}


def check_etag(found: Document, wanted: str | None) -> None:
    """Check that the resource `found` has the etag `wanted` of a request. If `wanted` is None, accept any etag.

    Raises:
        AbortedError: the etags differ.
    """
    if wanted and wanted != found["etag"]:
        raise AbortedError(f"{found['name']} has changed since etag {wanted!r}: read it again, then write.")


def masked(mask: str | None, body: Mapping[str, Any], allowed: Collection[str]) -> Document:
    """Return a dict from the fields that `mask` names to their values in `body`. None means: clear the field.

    Raises:
        InvalidArgumentError: the mask is missing, or names a field that cannot be updated.
    """
    names = [_camel(name.strip()) for name in (mask or "").split(",") if name.strip()]
    if not names:
        raise InvalidArgumentError("updateMask is required: name the fields to update.")
    for name in names:
        if name not in allowed:
            raise InvalidArgumentError(
                f"updateMask: {name!r} cannot be updated here, only {', '.join(sorted(allowed))}."
            )
    return {name: value_at(body, name) for name in names}


def value_at(body: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path such as `a.b`, or None if the path does not exist."""
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def labels(value: Any) -> dict[str, str]:
    """Check a resource's labels by Google's rules and return the labels.

    Raises:
        InvalidArgumentError: a key or value violates a rule.
    """
    if not isinstance(value or {}, dict):
        raise InvalidArgumentError("labels must be a JSON object of strings.")
    for key, text in (value or {}).items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", str(text)):
            raise InvalidArgumentError(
                f"Invalid label {key!r}: {text!r}. Keys and values are at most 63 lower-case letters, digits, "
                "underscores and dashes; a key begins with a letter."
            )
    return value or {}


def display_name(value: Any) -> str:
    """Check that a display name has 1 to 128 characters, and return the name.

    Raises:
        InvalidArgumentError: the name is missing or too long.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= 128:
        raise InvalidArgumentError(f"Invalid displayName {value!r}: it must have 1 to 128 characters.")
    return value
