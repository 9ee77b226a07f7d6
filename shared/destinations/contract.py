"""The contract of a destination: the methods that each platform's module implements, with their structures.

A module contains the code that depends on its platform: the format of members, the requests, and the platform's reports
of outcomes. The remaining code is common to all platforms: sql/destinations/plan.sql computes the changes, and
shared/destinations/delivery.py sends the batches in the right order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

type Channel = Literal["ads", "email"]
type Mode = Literal["off", "replace", "add", "update"]
type Kind = Literal["withdraw", "outdated", "add", "update", "remove"]
type Outcome = Literal["sent", "confirmed", "failed", "unconfirmed"]

# The kinds of change that add or update members at the destination. The other kinds remove members.
PUTS: tuple[Kind, ...] = ("add", "update")


class Member(Struct, frozen=True, kw_only=True):
    """A row of destination_changes: a customer in the destination's format. An unknown value is None."""

    customer_id: str
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    country: str | None = None
    postal_code: str | None = None
    probability: float | None = None
    decile: int | None = None
    offer: str | None = None
    next_products: list[str] = []
    expected_value: float | None = None


class Batch(Struct, frozen=True):
    """The members of one request.

    `number` counts the run's batches of the same kind from 1 to `count`. `total` is the number of members in all of
    these batches.
    """

    run_id: str
    kind: Kind
    number: int
    count: int
    total: int
    members: list[Member]

    @property
    def puts(self) -> bool:
        """Return whether the batch adds or updates members at the destination, instead of removing them."""
        return self.kind in PUTS

    @property
    def name(self) -> str:
        """The batch's name, unique among all runs. Each attempt to send the batch uses the same name."""
        return f"{self.run_id}-{self.kind}-{self.number:06}"


class Answer(Struct, frozen=True):
    """A destination's answer about a request. `request` is the request's id at the destination.

    `refused` maps each refused customer to the reason, as a sentence. `detail` is the reason why the request failed, or
    the destination's note about a request that did not fail.
    """

    request: str
    outcome: Outcome
    refused: dict[str, str] = {}
    detail: str = ""


class Destination(Protocol):
    """A destination: the account, list, folder or topic that the settings name."""

    name: ClassVar[str]
    # Name of the table or view of sql/tables that holds the customers in the destination's format.
    form: ClassVar[str]
    # Maximum number of members in a request.
    batch_size: ClassVar[int]
    # Whether the destination stores scores, offers and products.
    takes_scores: ClassVar[bool]
    # Whether the destination identifies a customer by the addresses that were sent, not by the customer's id.
    is_keyed_by_address: ClassVar[bool]
    # Whether a newer audience waits until the requests of the previous audience have ended. This is necessary if the
    # destination may process a later request before an earlier request.
    waits_for_earlier: ClassVar[bool]
    # Time from a request to the first question for its status.
    first_look: ClassVar[timedelta]
    # Time from a request until an unknown outcome is recorded as `unconfirmed`.
    last_look: ClassVar[timedelta]

    @property
    def channel(self) -> Channel:
        """The channel whose exclusions apply."""
        ...

    @property
    def mode(self) -> Mode:
        """The configured mode, which decides which changes are sent."""
        ...

    def validate(self, member: Member) -> str | None:
        """Return None if the destination can accept the member, else the reason: a sentence without personal data."""
        ...

    def apply(self, batch: Batch) -> Answer:
        """Send a batch. If the same batch is sent again, this has no further effect.

        Raises:
            Permanent: the destination refuses the whole batch for a reason that a retry cannot fix, e.g. a wrong token.
            Busy: the destination asks to wait.
            Exception: another error, after which a retry may succeed.
        """
        ...

    def status(self, request: str, members: Callable[[], list[Member]]) -> Answer:
        """Return the destination's current answer about an earlier request. `request` is its id, from `apply`'s answer.

        `members` returns the members of the request, in the order in which they were sent.

        Raises:
            Busy: the destination asks to wait.
        """
        ...


class Busy(Exception):  # noqa: N818 - not a failure: the destination takes the batch later
    """The destination asks to wait. It accepts requests again at the time `until`."""

    def __init__(self, said: str, until: datetime) -> None:
        super().__init__(said)
        self.until = until
