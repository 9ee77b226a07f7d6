"""Tombstones: keyed hashes of erased ids.

The statements of an erasure delete the rows whose ids have these hashes. The statements that read the export or the CRM
compute the same hashes, to skip erased ids.

A tombstone is the SHA-256 hash of a secret followed by kind and id. It is no HMAC, because BigQuery has no HMAC
function. It is as safe as an HMAC, because the secret has a fixed length. The secret is a row of the table erasure_key,
so that no job has it as a parameter.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.clients import Clients
    from shared.erasure.request import ErasureRequest
    from shared.pseudonyms import Pseudonyms

# The kind of a tombstone that is a visitor's pseudonym. Log lines contain pseudonyms instead of ids.
PSEUDONYM = "pseudonym"

type Digests = Mapping[str, set[str]]
"""The tombstones of one person, by kind."""


class Hashes:
    """Computes the digest of an id."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @classmethod
    def of_dataset(cls, clients: Clients) -> Hashes:
        """Return a `Hashes` that uses the dataset's secret. Create the secret if it is missing."""
        rows = clients.query("erasure/key")
        if not rows:
            clients.query("erasure/make_key")
            rows = clients.query("erasure/key")
        return cls(rows[0]["secret"])

    def of(self, kind: str, text: str) -> str:
        """Return the digest of the id `text` of the kind `kind`: 64 hexadecimal digits."""
        return hashlib.sha256(f"{self._secret}|{kind}|{text}".encode()).hexdigest()

    def among(self, digests: Digests, kind: str, text: str) -> bool:
        """Whether `digests` contains the digest of the id `text`."""
        return bool(digests.get(kind)) and self.of(kind, text) in digests[kind]


def found(request: ErasureRequest, hashes: Hashes, clients: Clients, pseudonyms: Pseudonyms | None) -> Digests:
    """Return the digests of a person's ids: the request's ids, and all ids that our tables link to the request's ids.

    If a request names only visitors, the id of their customer is not included. If `pseudonyms` is None, the result has
    no digests of the kind PSEUDONYM.
    """
    ids: defaultdict[str, set[str]] = defaultdict(set)
    if request.customer_id:
        # A shop may use the customer's id as user id in Google Analytics: sql/customers/visitors.sql.
        ids["customer"] = ids["user"] = {request.customer_id}
    ids["visitor"] = set(request.visitor_ids)
    given = {kind: sorted(hashes.of(kind, one) for one in ids[kind]) for kind in ("customer", "visitor", "user")}
    related = clients.query(
        "erasure/related",
        {"customers": given["customer"], "visitors": given["visitor"], "users": given["user"]},
    )
    for row in related:
        ids[row["kind"]] = ids[row["kind"]] | {row["id"]}
    digests = {kind: {hashes.of(kind, one) for one in some} for kind, some in ids.items() if some}
    if pseudonyms:
        digests[PSEUDONYM] = {pseudonyms.of(one) for one in ids["visitor"]}
    return digests


def of_rows(rows: Iterable[Mapping[str, str]]) -> Digests:
    """Return the tombstones of a request from the rows of sql/erasure/tombstones_of.sql."""
    digests: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        digests[row["kind"]].add(row["digest"])
    return digests
