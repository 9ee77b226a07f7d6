"""Options of Cloud Storage that the local one does not act on, and refuses: to ignore them would be another result."""

from collections.abc import Mapping
from typing import Any

from deskcloud.storage.errors import UnsupportedError

# Accepting these would lose data, keep what should be gone, open what should be closed or list something else.
_QUERY = (
    *("kmsKeyName", "destinationKmsKeyName", "softDeleted", "restoreToken", "dropContextGroups"),
    *("matchGlob", "filter", "includeFoldersAsPrefixes"),
    *("enableObjectRetention", "overrideUnlockedRetention"),
)
_ACLS = ("predefinedAcl", "predefinedDefaultObjectAcl", "destinationPredefinedAcl")
# These open nothing to anybody else than the owner, who is whoever holds the secret. gcsfs sends two of them.
_CLOSED = {"private", "projectPrivate", "bucketOwnerRead", "bucketOwnerFullControl"}
_BUCKET = (
    *("versioning", "hierarchicalNamespace", "retentionPolicy", "objectRetention", "defaultEventBasedHold"),
    *("lifecycle", "autoclass", "encryption", "acl", "defaultObjectAcl", "billing", "ipFilter"),
    *("cors", "logging", "website"),
)
_OBJECT = ("acl", "contexts", "customerEncryption", "eventBasedHold", "kmsKeyName", "retention", "temporaryHold")
_OFF = {"", "false"}


def check_query(query: Mapping[str, str]) -> None:
    """Raise UnsupportedError, which names the parameter, for one that asks for something."""
    for names, harmless in ((_QUERY, _OFF), (_ACLS, _OFF | _CLOSED)):
        for name in names:
            if query.get(name, "") not in harmless:
                raise UnsupportedError(f"Parameter {name}={query[name]!r}")


def check_bucket(fields: Mapping[str, Any]) -> None:
    """Raise UnsupportedError for a field of a bucket that asks for something."""
    _check("Bucket", _BUCKET, fields)


def check_object(fields: Mapping[str, Any]) -> None:
    """Raise UnsupportedError for a field of an object that asks for something."""
    _check("Object", _OBJECT, fields)


def _check(kind: str, names: tuple[str, ...], fields: Mapping[str, Any]) -> None:
    for name in names:
        wish = fields.get(name)
        if any(wish.values()) if isinstance(wish, dict) else wish:
            raise UnsupportedError(f"{kind} field {name!r}")
