"""The document of a run of resolve_customers: NAME.json in the run's folder."""

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


RESOLVED = Document("customers", Resolved)
