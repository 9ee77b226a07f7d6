"""Refuse options that the local Cloud Storage does not implement. If it ignored an option, results would be wrong."""

from collections.abc import Mapping
from typing import Any

from deskcloud.storage.errors import UnsupportedError

# These query parameters are refused. If the service ignored them, it could lose, keep or publish data against the
# client's will, or list wrong objects.
_QUERY = (
    *("kmsKeyName", "destinationKmsKeyName", "softDeleted", "restoreToken", "dropContextGroups"),
    *("matchGlob", "filter", "includeFoldersAsPrefixes"),
    *("enableObjectRetention", "overrideUnlockedRetention"),
)
_ACLS = ("predefinedAcl", "predefinedDefaultObjectAcl", "destinationPredefinedAcl")
# These ACLs are accepted. They grant access only to the project and the owner, and locally, every client that knows the
# secret counts as the owner. gcsfs sends two of these ACLs.
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
        UnsupportedError: the query has such a parameter. The message names the parameter.
    """
    for names, harmless in ((_QUERY, _OFF), (_ACLS, _OFF | _CLOSED)):
        for name in names:
            if query.get(name, "") not in harmless:
                raise UnsupportedError(f"Parameter {name}={query[name]!r}")


def check_bucket(fields: Mapping[str, Any]) -> None:
    """Refuse fields of a bucket that the local Cloud Storage does not implement.

    Raises:
        UnsupportedError: a field is not implemented; the message names the field.
    """
    _check("Bucket", _BUCKET, fields)


def check_object(fields: Mapping[str, Any]) -> None:
    """Refuse fields of an object that the local Cloud Storage does not implement.

    Raises:
        UnsupportedError: a field is not implemented; the message names the field.
    """
    _check("Object", _OBJECT, fields)


def _check(kind: str, names: tuple[str, ...], fields: Mapping[str, Any]) -> None:
    for name in names:
        wish = fields.get(name)
        if any(wish.values()) if isinstance(wish, dict) else wish:
            raise UnsupportedError(f"{kind} field {name!r}")
