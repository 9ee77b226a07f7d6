"""A data extension of Salesforce Marketing Cloud: a table with one row per member."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from shared.destinations.contract import Answer, Channel
from shared.destinations.marketing_cloud import MOST_DELETED, MarketingCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.destination_settings import Salesforce
    from shared.destinations.contract import Batch, Member
    from shared.destinations.marketing_cloud import Client, Result

KEY = "customer_id"
# Part of the message with which the SOAP API answers a deletion of a row that did not exist.
NOT_THERE = "affected 0 of"
# Part of the REST API's message about a row that another transaction has locked. Salesforce does not say whether it
# stores the row later.
BLOCKED = "Rerun the transaction"
ADDRESS = re.compile(r"\S+@\S+")
LONGEST_REASON = 200


class SalesforceDestination:
    """A data extension. Rows are written and deleted by key, so a batch that is sent again has no further effect."""

    name: ClassVar[str] = "salesforce"
    form: ClassVar[str] = "salesforce_customers"
    # A request to store rows may have 32,000 rows, but its size in bytes is limited too. A deletion may have only 50
    # rows, so a batch needs several deletions.
    batch_size: ClassVar[int] = 2_000
    takes_scores: ClassVar[bool] = True
    is_keyed_by_address: ClassVar[bool] = False
    # Salesforce stores rows some minutes after the request, but deletes rows at once. So a deletion must wait until
    # earlier requests have stored their rows.
    waits_for_earlier: ClassVar[bool] = True
    first_look: ClassVar[timedelta] = timedelta(minutes=5)
    last_look: ClassVar[timedelta] = timedelta(hours=24)
    channel: ClassVar[Channel] = "email"

    def __init__(self, settings: Salesforce, client: Client) -> None:
        self.mode = settings.mode
        self._data_extension = settings.data_extension
        self._cloud = MarketingCloud(settings, client)

    def validate(self, _: Member) -> str | None:
        """Return None, since the data extension itself decides which columns a row needs."""
        return None

    def apply(self, batch: Batch) -> Answer:
        """Store the batch's rows, or delete them; see Destination.apply."""
        if batch.puts:
            return Answer(self._cloud.upsert(self._data_extension, [row(one) for one in batch.members]), "sent")
        left = [
            why for some in itertools.batched(batch.members, MOST_DELETED, strict=False) for why in self._delete(some)
        ]
        if left:
            detail = f"Salesforce has not deleted {len(left)} rows, for example because: {min(left)}"
            return Answer(batch.name, "failed", detail=detail)
        return Answer(batch.name, "confirmed")

    def status(self, request: str, members: Callable[[], list[Member]]) -> Answer:
        """Return the state of a request, and the members whose rows were refused."""
        found = self._cloud.status(request)
        if found is None or found.request_status in {"Pending", "Executing"}:
            return Answer(request, "sent")
        if found.request_status != "Complete":
            # Salesforce may have stored the rows in spite of the error, so the outcome is not `failed`.
            return Answer(request, "unconfirmed", detail="Salesforce says that the request has ended with an error")
        if not found.has_errors:
            return Answer(request, "confirmed")
        return judged(request, self._cloud.results(request), members())

    def _delete(self, members: Sequence[Member]) -> list[str]:
        """Delete the members' rows, and return the reasons for rows that were not deleted.

        A missing row counts as deleted.
        """
        results = self._cloud.delete(self._data_extension, KEY, [one.customer_id for one in members])
        return [
            _told(result, member)
            for result, member in zip(results, members, strict=True)
            if not result.is_ok and NOT_THERE not in (result.message or "")
        ]


def row(member: Member) -> dict[str, str | int | None]:
    """Return the member's row. A column without a value is null, which deletes the former value."""
    return {
        KEY: member.customer_id,
        "email": member.email,
        "probability": None if member.probability is None else f"{member.probability:.6f}",
        "decile": member.decile,
        "offer": member.offer,
        "next_products": " ".join(member.next_products) or None,
        "expected_value": None if member.expected_value is None else f"{member.expected_value:.2f}",
    }


def judged(request: str, results: Sequence[Result], members: Sequence[Member]) -> Answer:
    """Return the answer about a request with failed rows."""
    if len(results) != len(members):
        return Answer(request, "unconfirmed", detail="Salesforce does not say which rows it has refused")
    failed = [(one, member) for one, member in zip(results, members, strict=True) if not one.is_ok]
    blocked = sum(_is_blocked(one) for one, _ in failed)
    refused = {
        member.customer_id: f"Salesforce refuses the row: {_told(one, member)}"
        for one, member in failed
        if not _is_blocked(one)
    }
    if blocked:
        detail = f"Salesforce could not store {blocked} rows because others used the table; the next plan tries again"
        return Answer(request, "unconfirmed", refused, detail)
    return Answer(request, "confirmed", refused)


def _is_blocked(result: Result) -> bool:
    return BLOCKED in (result.message or "")


def _told(result: Result, member: Member) -> str:
    """Return Salesforce's message about a row, without the row's key and without e-mail addresses."""
    text = re.sub(rf"(?<!\w){re.escape(member.customer_id)}(?!\w)", "...", result.message or "", flags=re.IGNORECASE)
    return ADDRESS.sub("...", text)[:LONGEST_REASON]
