"""Read small objects of the bucket over Cloud Storage's JSON API.

google-cloud-storage is not used, because importing it takes as long as the whole start of an empty function.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

import urllib3

from shared.connections import Connections

if TYPE_CHECKING:
    from google.auth.transport.urllib3 import AuthorizedHttp

GOOGLE = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
TIMEOUT_SECONDS = 3
RETRIES = urllib3.Retry(2, status_forcelist=(408, 429, 500, 502, 503, 504), backoff_factor=0.1, raise_on_status=False)


class ReadError(RuntimeError):
    """The object cannot be read now. The message names the object and the reason."""


class Bucket:
    """Reads a bucket's objects by name. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        # As in Google's own client, an emulator gets no credentials except those in its URL.
        self._emulator = os.environ.get("STORAGE_EMULATOR_HOST")

    def read(self, name: str, known_generation: int | None = None) -> tuple[bytes, int] | None:
        """Return the object's content and generation; None if the object still has `known_generation`.

        If the object did not exist at the last read, pass 0. Then the result is None if the object still does not
        exist.

        Raises:
            FileNotFoundError: the object does not exist, and `known_generation` is not 0.
            ReadError: Cloud Storage cannot be reached, refuses the request, or still fails after retries.
        """
        url = f"{self._emulator or GOOGLE}/storage/v1/b/{self._name}/o/{quote(name, safe='')}?alt=media"
        if known_generation:
            url += f"&ifGenerationNotMatch={known_generation}"
        try:
            answer = self._http.request("GET", url, timeout=TIMEOUT_SECONDS, retries=RETRIES)
        except Exception as error:
            raise ReadError(f"gs://{self._name}/{name} cannot be read: {type(error).__name__}") from error
        if answer.status == 304 or (answer.status == 404 and known_generation == 0):
            return None
        if answer.status == 404:
            raise FileNotFoundError(f"gs://{self._name}/{name} does not exist")
        if answer.status != 200:
            raise ReadError(f"gs://{self._name}/{name} cannot be read: HTTP {answer.status}")
        return answer.data, int(answer.headers["x-goog-generation"])

    @cached_property
    def _http(self) -> urllib3.PoolManager | AuthorizedHttp:
        if self._emulator:
            auth = urllib3.util.parse_url(self._emulator).auth
            return urllib3.PoolManager(maxsize=2, headers=urllib3.make_headers(basic_auth=auth))
        import google.auth  # noqa: PLC0415 - slow: google.auth imports cryptography
        from google.auth.transport.urllib3 import AuthorizedHttp  # noqa: PLC0415

        credentials, _ = google.auth.default(scopes=[SCOPE])
        return AuthorizedHttp(credentials, Connections(2))  # type: ignore[no-untyped-call]
