"""The documents of runs that follow an audience: its customers, and what became of them at a destination."""

from msgspec import Struct

from shared.chain.documents import Document


class Excluded(Struct, frozen=True):
    """How many treated customers may not be reached through a channel for a reason; one may have several reasons."""

    channel: str
    reason: str
    customers: int


class Resolved(Struct, frozen=True):
    """What became of an audience: its visitors by whether they belong to a customer, and its customers by arm.

    `conflicts` counts visitors whom two customers claim. `refused_rows` and `refused_values` count what crm_customers
    has that breaks a rule.
    """

    visitors: int
    matched: int
    conflicts: int
    unmatched: int
    refused_rows: int
    refused_values: int
    arms: dict[str, int]
    excluded: list[Excluded]

    @property
    def customers(self) -> int:
        """The number of customers in the audience."""
        return sum(self.arms.values())


class Delivery(Struct, frozen=True):
    """What became of a delivery run's members.

    `planned` counts the members by kind of change. `outcomes` counts those who were not refused, by outcome. `refused`
    counts the others by reason, and `problems` lists what the destination said about requests that did not succeed.
    """

    destination: str
    planned: dict[str, int]
    outcomes: dict[str, int]
    refused: dict[str, int]
    problems: list[str]


RESOLVED = Document("customers", Resolved)
DELIVERY = Document("delivery", Delivery)
