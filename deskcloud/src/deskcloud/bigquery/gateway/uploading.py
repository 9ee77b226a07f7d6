"""Write to Cloud Storage through its upload API. Only this API gives an object its metadata and its generation."""

import re
from pathlib import Path
from typing import Any

import httpx

from deskcloud.bigquery.gateway.errors import BigQueryError, not_found
from deskcloud.web.plain import NO_TLS

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


class Storage:
    """A client of the storage service at a base URL."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False, verify=NO_TLS)

    def upload(self, file: Path, uri: str) -> None:
        """Upload a file as the object gs://BUCKET/NAME.

        Raises:
            BigQueryError: the bucket does not exist, or the service refuses.
        """
        bucket, name = split(uri)
        with file.open("rb") as content:
            answer = self._http.post(
                f"/upload/storage/v1/b/{bucket}/o",
                params={"uploadType": "media", "name": name},
                content=content,
                headers={"content-type": "application/octet-stream", "content-length": str(file.stat().st_size)},
            )
        _check(answer, uri)

    def names(self, uri: str) -> list[str]:
        """Return the names of the objects whose URIs begin with `uri`, e.g. gs://BUCKET/PREFIX."""
        bucket, prefix = split(uri)
        answer = self._http.get(f"/storage/v1/b/{bucket}/o", params={"prefix": prefix})
        _check(answer, uri)
        body: dict[str, Any] = answer.json()
        return [item["name"] for item in body.get("items", [])]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def split(uri: str) -> tuple[str, str]:
    """Split gs://BUCKET/NAME into the bucket and the object's name.

    Raises:
        BigQueryError: the URI does not have this form.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, name = rest.partition("/")
    if scheme != "gs" or not _BUCKET.fullmatch(bucket):
        raise BigQueryError("invalid", f"Invalid URI {uri!r}: expected gs://BUCKET/NAME")
    return bucket, name


def _check(answer: httpx.Response, uri: str) -> None:
    if answer.status_code == 404:
        raise not_found("URI", uri)
    if answer.is_error:
        raise BigQueryError("backendError", f"Cloud Storage answered {answer.status_code} for {uri}")
