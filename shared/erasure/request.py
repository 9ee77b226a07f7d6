"""The request to erase a person: the body of a message to erasure-requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from shared.errors import Malformed

if TYPE_CHECKING:
    from shared.pseudonyms import Pseudonyms

TOPIC = "erasure-requested"
MOST_VISITORS = 1_000

# The request's name, such as the number of a ticket. It stays in the certificate, so it must not be an e-mail address.
REQUEST_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
type RequestId = Annotated[str, Meta(pattern=REQUEST_ID)]
type Id = Annotated[str, Meta(pattern=r"^\S(.*\S)?\Z", max_length=256)]


class ErasureRequest(Struct, frozen=True):
    """One person, by the shop's id of the customer, the ids of visitors in the export, or both."""

    request_id: RequestId
    customer_id: Id | None = None
    visitor_ids: Annotated[tuple[Id, ...], Meta(max_length=MOST_VISITORS)] = ()

    def subject(self, pseudonyms: Pseudonyms) -> list[str]:
        """Return the ids' pseudonyms, which log lines have too: first the customer's, then the visitors', sorted."""
        customer = [pseudonyms.of(self.customer_id)] if self.customer_id else []
        return customer + sorted(pseudonyms.of(one) for one in set(self.visitor_ids))


def decode(body: dict[str, Any]) -> ErasureRequest:
    """Return the request from a message's body.

    Raises:
        Malformed: a field is missing, unknown or wrong. The message names the rule, and repeats no value.
    """
    if unknown := body.keys() - set(ErasureRequest.__struct_fields__):
        # Do not repeat the unknown names: they may contain personal data.
        raise Malformed(f"unknown fields: {len(unknown)}; {TOPIC} has {', '.join(ErasureRequest.__struct_fields__)}")
    try:
        request = msgspec.convert(body, ErasureRequest)
    except msgspec.ValidationError as error:
        raise Malformed(f"{TOPIC}: {error}") from None
    if not request.customer_id and not request.visitor_ids:
        raise Malformed(f"{TOPIC} names nobody: give customer_id, visitor_ids or both")
    return request
