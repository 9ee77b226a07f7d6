"""The documents of runs that follow an audience: its customers, and what became of them at a destination."""

from msgspec import Struct

from shared.chain.documents import Document


class Excluded(Struct, frozen=True):
    """The number of treated customers whom `reason` excludes from `channel`.

    A customer with several reasons counts for each of them.
    """

    channel: str
    reason: str
    customers: int


class Resolved(Struct, frozen=True):
    """The counts of an audience: its visitors, how many of them belong to a customer, and its customers by arm.

    `conflicts` counts visitors whom several customers claim; they belong to none. `refused_rows` counts the rows of
    crm_customers that cannot be used at all, and `refused_values` the single values that are left out.
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
    """The result of a delivery run, in numbers of members.

    `planned` counts the members by kind of change, `refused` those refused by reason, and `outcomes` the others by the
    outcome of their request. `problems` lists what the destination said about requests that did not fully succeed.
    """

    destination: str
    planned: dict[str, int]
    outcomes: dict[str, int]
    refused: dict[str, int]
    problems: list[str]


RESOLVED = Document("customers", Resolved)
DELIVERY = Document("delivery", Delivery)
