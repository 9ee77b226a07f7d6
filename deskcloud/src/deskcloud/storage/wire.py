"""Build Cloud Storage's JSON resources, and parse the bodies and headers of uploads and downloads."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from time import time_ns
from typing import Any, Self
from urllib.parse import quote

import google_crc32c

from deskcloud.storage import options
from deskcloud.storage.errors import InvalidError, RangeNotSatisfiableError

type Resource = dict[str, Any]

# A client may set these fields of an object. The server sets all others.
OBJECT_FIELDS = frozenset(
    {
        "cacheControl",
        "contentDisposition",
        "contentEncoding",
        "contentLanguage",
        "contentType",
        "customTime",
        "metadata",
        "storageClass",
    }
)
_BUCKET_OUTPUT_FIELDS = frozenset(
    {
        "etag",
        "generation",
        "id",
        "kind",
        "metageneration",
        "name",
        "projectNumber",
        "selfLink",
        "timeCreated",
        "updated",
    }
)
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?:\d+|\*)|\*)/(?P<total>\d+|\*)")
_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """The size of an object's content in bytes, and the content's MD5 and CRC32C checksums in base64."""

    size: int
    md5: str
    crc32c: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Compute the digests of a file in one pass."""
        size, md5, crc32c = 0, hashlib.md5(usedforsecurity=False), 0
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                size += len(block)
                md5.update(block)
                crc32c = google_crc32c.extend(crc32c, block)
        return cls(size, base64.b64encode(md5.digest()).decode(), base64.b64encode(crc32c.to_bytes(4)).decode())

    def check(self, fields: Mapping[str, Any]) -> None:
        """Compare the digests with the checksums `md5Hash` and `crc32c` in `fields`, if the client has sent them.

        Raises:
            InvalidError: a checksum differs, so the content was damaged in transit.
        """
        for name, found in (("md5Hash", self.md5), ("crc32c", self.crc32c)):
            told = fields.get(name)
            if told is not None and told != found:
                raise InvalidError(f"Provided {name} {told!r} doesn't match calculated {name} {found!r}.")


def now() -> str:
    """Return the current time (UTC) in RFC 3339, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def etag(resource: Resource) -> str:
    """Return the resource's entity tag, which is different for each generation and metageneration."""
    return base64.b64encode(f"{resource.get('generation', 0)}/{resource['metageneration']}".encode()).decode()


def check_object_name(name: Any) -> str:
    """Check Google's rules for object names and return the name.

    Raises:
        InvalidError: the name violates a rule.
    """
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= 1024:
        raise InvalidError(f"Invalid object name {name!r}: it must be 1 to 1024 bytes of UTF-8.")
    if name in {".", ".."} or "\r" in name or "\n" in name or "\0" in name:
        raise InvalidError(f"Invalid object name {name!r}: '.', '..', line ends and NUL are not allowed.")
    return name


def new_bucket(fields: Resource) -> Resource:
    """Return the resource of a new bucket. `fields` is the body of the request.

    Raises:
        InvalidError: the name violates Google's rules.
        UnsupportedError: a field is not implemented.
    """
    name = fields.get("name")
    if not isinstance(name, str) or not _BUCKET_NAME.fullmatch(name):
        raise InvalidError(
            f"Invalid bucket name: {name!r}. Use 3 to 63 lower-case letters, digits, dots, dashes and underscores, "
            "beginning and ending with a letter or digit."
        )
    time = now()
    bucket = {
        "location": "US",
        "locationType": "multi-region",
        "storageClass": "STANDARD",
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "projectNumber": "0",
        "generation": str(time_ns() // 1000),
        "metageneration": "0",
        "timeCreated": time,
    }
    return patched_bucket(bucket, fields)


def patched_bucket(bucket: Resource, fields: Resource) -> Resource:
    """Merge `fields` into `bucket`, increment the metageneration, and return the result.

    If the value of a field in `fields` is None, the field is deleted.

    Raises:
        UnsupportedError: a field is not implemented.
    """
    options.check_bucket(fields)
    return _merge(bucket, {name: value for name, value in fields.items() if name not in _BUCKET_OUTPUT_FIELDS})


def new_object(bucket: str, name: str, generation: int, digests: Digests, fields: Mapping[str, Any]) -> Resource:
    """Return the resource of an object's new generation. `fields` are the metadata in the request."""
    time_created = now()
    resource: Resource = {
        "kind": "storage#object",
        "contentType": "application/octet-stream",
        "storageClass": "STANDARD",
        **{field: fields[field] for field in OBJECT_FIELDS if fields.get(field) is not None},
        "bucket": bucket,
        "name": name,
        "generation": str(generation),
        "metageneration": "1",
        "size": str(digests.size),
        "crc32c": digests.crc32c,
        "timeCreated": time_created,
        "updated": time_created,
        "timeStorageClassUpdated": time_created,
        "timeFinalized": time_created,
    }
    # A composed object has no MD5 hash, as on Google Cloud.
    if "componentCount" in fields:
        resource["componentCount"] = fields["componentCount"]
    else:
        resource["md5Hash"] = digests.md5
    resource["etag"] = etag(resource)
    return resource


def patched_object(resource: Resource, fields: Resource) -> Resource:
    """Merge `fields` into `resource`, increment the metageneration, and return the result.

    If the value of a field in `fields` is None, the field is deleted.

    Raises:
        UnsupportedError: a field is not implemented.
    """
    options.check_object(fields)
    return _merge(resource, {name: value for name, value in fields.items() if name in OBJECT_FIELDS})


def _merge(resource: Resource, fields: Resource) -> Resource:
    changed = _merge_json(resource, fields)
    changed["metageneration"] = str(int(resource["metageneration"]) + 1)
    changed["updated"] = now()
    changed["etag"] = etag(changed)
    return changed


def _merge_json(old: Resource, patch: Resource) -> Resource:
    """Apply a JSON Merge Patch (RFC 7396)."""
    merged = dict(old)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = _merge_json(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def linked(resource: Resource, base_url: str) -> Resource:
    """Return `resource` with the links that contain the server's URL (`selfLink`, `mediaLink`)."""
    bucket = resource.get("bucket")
    if bucket is None:
        return resource | {"selfLink": f"{base_url}/storage/v1/b/{resource['name']}"}
    name, generation = quote(resource["name"], safe=""), resource["generation"]
    return resource | {
        "id": f"{bucket}/{resource['name']}/{generation}",
        "selfLink": f"{base_url}/storage/v1/b/{bucket}/o/{name}",
        "mediaLink": f"{base_url}/download/storage/v1/b/{bucket}/o/{name}?generation={generation}&alt=media",
    }


def encoded_token(entry: str) -> str:
    """Return the page token for `entry`, the last name or prefix of a page, in URL-safe base64."""
    return base64.urlsafe_b64encode(entry.encode()).decode()


def decoded_token(token: str | None) -> str:
    """Return the entry that a page token encodes, or "" if there is no token.

    Raises:
        InvalidError: the token cannot be decoded.
    """
    try:
        return base64.urlsafe_b64decode((token or "").encode()).decode()
    except ValueError:
        raise InvalidError(f"Invalid pageToken: {token!r}. Use the value of nextPageToken.") from None


def hash_header(value: str | None) -> dict[str, str]:
    """Return the checksums of a header `X-Goog-Hash: crc32c=...,md5=...` as the fields `crc32c` and `md5Hash`."""
    pairs = (pair.strip().partition("=") for pair in (value or "").split(",") if pair.strip())
    return {{"md5": "md5Hash"}.get(name, name): digest for name, _, digest in pairs}


def multipart_related(content_type: str, body: bytes) -> tuple[Resource, str | None, bytes]:
    """Split an upload into the object's metadata, the content's type and the content.

    Raises:
        InvalidError: the body does not have two parts, or the first part is not JSON.
    """
    dashes = b"--" + mime_parameter(content_type, "boundary").encode()
    # Google accepts CR LF and LF alone as line ends, and gcsfs sends LF. The first line shows which line end is used.
    line_end = b"\n" if body.startswith(dashes + b"\n") else b"\r\n"
    # No MIME parser is used here, because a MIME parser would change line ends inside binary content.
    parts = (line_end + body).split(line_end + dashes)
    if len(parts) != 4:
        raise InvalidError(f"A multipart upload has two parts between its boundaries; this one has {len(parts) - 2}.")
    metadata_part, content_part = (part.partition(2 * line_end) for part in parts[1:3])
    headers = dict(line.split(b":", 1) for line in content_part[0].lower().splitlines() if b":" in line)
    declared = headers.get(b"content-type")
    return decoded_json(metadata_part[2]), declared.strip().decode() if declared else None, content_part[2]


def mime_parameter(content_type: str, name: str) -> str:
    """Return the value of the parameter `name` in a Content-Type header.

    Raises:
        InvalidError: the parameter is absent.
    """
    message = Message()
    message["Content-Type"] = content_type
    value = message.get_param(name)
    if not isinstance(value, str):
        raise InvalidError(f"Content-Type {content_type!r} carries no {name}.")
    return value


def decoded_json(body: bytes) -> Resource:
    """Return a body as a JSON object, or `{}` if the body is empty.

    Raises:
        InvalidError: the body is not a JSON object.
    """
    try:
        value = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise InvalidError(f"The request's JSON cannot be parsed: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidError("The request's JSON must be an object.")
    return value


def content_range(header: str | None) -> tuple[int | None, int | None]:
    """Return (first byte, total size) from a chunk's `Content-Range`. A value that is not in the header is None.

    If there is no header, the chunk is the whole content, and the result is (0, None). A header `bytes */TOTAL` asks
    for the upload's status, and the first byte is None.

    Raises:
        InvalidError: the header has another form.
    """
    if header is None:
        return 0, None
    match = _CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        raise InvalidError(f"Invalid Content-Range: {header!r}. Use 'bytes FIRST-LAST/TOTAL' or 'bytes */TOTAL'.")
    first, total = match["first"], match["total"]
    return None if first is None else int(first), None if total == "*" else int(total)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return a download's `Range` header as (first, last + 1). None means the whole object.

    The header's form is `bytes=FIRST-LAST`, where FIRST or LAST may be absent. The result is None if there is no header
    or if the header has another form.

    Raises:
        RangeNotSatisfiableError: the range contains no byte of the object.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match["first"] == match["last"] == "":
        return None
    if match["first"] == "":
        first, end = max(0, size - int(match["last"])), size
    else:
        first, end = int(match["first"]), min(size, int(match["last"]) + 1) if match["last"] else size
    if first >= size or end <= first:
        raise RangeNotSatisfiableError(f"Range {header!r} lies outside of an object of {size} bytes.")
    return first, end
