"""The documents of two kinds of runs: one finds an audience's customers, the other sends them to a destination."""

from msgspec import Struct

from shared.chain.documents import Document


class Excluded(Struct, frozen=True):
    """The number of treated customers whom `reason` excludes from `channel`.

    A customer with several reasons counts for each reason.
    """

    channel: str
    reason: str
    customers: int


class Resolved(Struct, frozen=True):
    """The counts of an audience: visitors, visitors who belong to a customer (`matched`), and customers by arm.

    `conflicts` counts visitors whom the CRM assigns to more than one customer. These visitors are treated as visitors
    without a customer. `refused_rows` counts the unusable rows of crm_customers, and `refused_values` the unusable
    values of other rows.
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

    `planned` counts the members by kind of change, and `refused` the refused members by reason. `outcomes` counts the
    other members by the outcome of their request. `problems` lists the destination's messages about requests that did
    not fully succeed.
    """

    destination: str
    planned: dict[str, int]
    outcomes: dict[str, int]
    refused: dict[str, int]
    problems: list[str]


RESOLVED = Document("customers", Resolved)
DELIVERY = Document("delivery", Delivery)
