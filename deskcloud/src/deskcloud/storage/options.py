"""Refuse Cloud Storage options that the local one does not implement, since to ignore them would change the result."""

from collections.abc import Mapping
from typing import Any

from deskcloud.storage.errors import UnsupportedError

# Ignoring these would lose data, keep expired data, publish private data or list other objects.
_QUERY = (
    *("kmsKeyName", "destinationKmsKeyName", "softDeleted", "restoreToken", "dropContextGroups"),
    *("matchGlob", "filter", "includeFoldersAsPrefixes"),
    *("enableObjectRetention", "overrideUnlockedRetention"),
)
_ACLS = ("predefinedAcl", "predefinedDefaultObjectAcl", "destinationPredefinedAcl")
# These grant access only to the owner, who is anyone with the secret. gcsfs sends two of them.
_CLOSED = {"private", "projectPrivate", "bucketOwnerRead", "bucketOwnerFullControl"}
_BUCKET = (
    *("versioning", "hierarchicalNamespace", "retentionPolicy", "objectRetention", "defaultEventBasedHold"),
    *("lifecycle", "autoclass", "encryption", "acl", "defaultObjectAcl", "billing", "ipFilter"),
    *("cors", "logging", "website"),
)
_OBJECT = ("acl", "contexts", "customerEncryption", "eventBasedHold", "kmsKeyName", "retention", "temporaryHold")
_OFF = {"", "false"}


def check_query(query: Mapping[str, str]) -> None:
    """Refuse query parameters that the local Cloud Storage does not implement.

    Raises:
        UnsupportedError: there is one; names it.
    """
    for names, harmless in ((_QUERY, _OFF), (_ACLS, _OFF | _CLOSED)):
        for name in names:
            if query.get(name, "") not in harmless:
                raise UnsupportedError(f"Parameter {name}={query[name]!r}")


def check_bucket(fields: Mapping[str, Any]) -> None:
    """Refuse fields of a bucket that the local Cloud Storage does not implement.

    Raises:
        UnsupportedError: there is one; names it.
    """
    _check("Bucket", _BUCKET, fields)


def check_object(fields: Mapping[str, Any]) -> None:
    """Refuse fields of an object that the local Cloud Storage does not implement.

    Raises:
        UnsupportedError: there is one; names it.
    """
    _check("Object", _OBJECT, fields)


def _check(kind: str, names: tuple[str, ...], fields: Mapping[str, Any]) -> None:
    for name in names:
        wish = fields.get(name)
        if any(wish.values()) if isinstance(wish, dict) else wish:
            raise UnsupportedError(f"{kind} field {name!r}")
