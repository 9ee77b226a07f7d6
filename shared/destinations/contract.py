"""The contract of a destination: what each platform's module implements, and the structures that it exchanges.

A module decides what its platform needs: how members are written, how they are sent, and how the platform says what
became of them. What is the same for all is elsewhere: the difference in sql/destinations/plan.sql, the order of the
batches in shared/destinations/delivery.py.
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

# The kinds of change that put members at the destination. The other kinds take members away.
PUTS: tuple[Kind, ...] = ("add", "update")


class Member(Struct, frozen=True, kw_only=True):
    """A row of destination_changes: a customer in the form that the destination takes. An unknown value is None."""

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
        """Whether the members are put at the destination, not taken away."""
        return self.kind in PUTS

    @property
    def name(self) -> str:
        """The batch's name, unique among all runs; the same for each attempt to send it."""
        return f"{self.run_id}-{self.kind}-{self.number:06}"


class Answer(Struct, frozen=True):
    """What a destination says about a request; `request` is its id at the destination.

    `refused` maps customers to the sentence that says why the destination refused them. `detail` says why a request has
    failed, or what the destination noted about it.
    """

    request: str
    outcome: Outcome
    refused: dict[str, str] = {}
    detail: str = ""


class Destination(Protocol):
    """A destination with the account, list or folder that the settings name."""

    name: ClassVar[str]
    # Name of the table or view of sql/tables that holds the customers in the form that the destination takes.
    form: ClassVar[str]
    # Maximum number of members in a request.
    batch_size: ClassVar[int]
    # Whether the destination stores scores, offers and products.
    takes_scores: ClassVar[bool]
    # Whether a customer is found again by the addresses that were sent, not by the customer's id.
    is_keyed_by_address: ClassVar[bool]
    # Whether a newer audience waits until the requests of the one before have ended, because the destination may
    # process requests in another order than that in which they were sent.
    waits_for_earlier: ClassVar[bool]
    # How long after sending a request its status is first asked for, and how long after sending an outcome that is
    # still unknown is recorded as `unconfirmed`.
    first_look: ClassVar[timedelta]
    last_look: ClassVar[timedelta]

    @property
    def channel(self) -> Channel:
        """The channel whose exclusions apply."""
        ...

    @property
    def mode(self) -> Mode:
        """The mode of the settings: which changes are sent."""
        ...

    def validate(self, member: Member) -> str | None:
        """Return why the destination cannot take the member, as a sentence without personal data; None if it can."""
        ...

    def apply(self, batch: Batch) -> Answer:
        """Send a batch. Sending it again has no second effect.

        Raises:
            Permanent: the destination refuses the whole batch for a reason that a retry cannot fix, e.g. a wrong token.
            Busy: the destination asks to wait.
            Exception: a fault that a retry may heal.
        """
        ...

    def status(self, request: str, members: Callable[[], list[Member]]) -> Answer:
        """Return what the destination says now about an earlier request; `request` is `Answer.request`.

        `members` returns those that the request has sent, in the same order.

        Raises:
            Busy: the destination asks to wait.
        """
        ...


class Busy(Exception):  # noqa: N818 - not a failure: the destination takes the batch later
    """The destination asks to wait; `until` is when it takes requests again."""

    def __init__(self, said: str, until: datetime) -> None:
        super().__init__(said)
        self.until = until
