"""Read the dated list prices (prices.yaml) and the assumptions (assumptions.yaml)."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

FOLDER = Path(__file__).parent


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price in dollars per unit; `free` is the number of units per month that are free of charge."""

    what: str
    unit: str
    price: float
    free: float
    sure: Literal["listed", "reported", "guess"]
    source: str

    def of(self, quantity: float) -> float:
        """Return the monthly cost of a quantity, in dollars."""
        return max(quantity - self.free, 0) * self.price


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices by name, as of one day and for one region and location."""

    as_of: str
    region: str
    location: str
    prices: dict[str, Price]


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section `measured` of assumptions.yaml: values measured on the demonstration's sessions."""

    export_bytes: float
    interactions_per_session: float
    text: dict[str, float]


class Assumptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assumed values, for what neither the settings nor the declarations say. assumptions.yaml explains each value."""

    measured: Measured
    ga4_export_bytes: float
    sessions_per_visitor: float
    orders_per_session: float
    late_days: dict[str, int]
    text: float
    items: float
    customers_per_visitor: float
    statements_per_customer: float
    suppressed_share: float
    refused_share: float
    new_members_in_all: float
    changed_share: float
    events_per_member: float
    events_per_message: float
    changes_per_day: float
    itemsets_per_product: float
    rules_per_product: float
    vcpu_by_memory: dict[str, float]
    seconds: dict[str, float]
    tick_seconds: float
    object_seconds: float
    boosted_trees_hours: float
    canary_hours: float
    run_bytes: float
    run_writes: float
    run_reads: float
    records_per_run: float
    checkout_log_bytes: float
    image_gib: float
    deployments_per_month: float
    build_minutes_per_function: float


@cache
def price_list() -> PriceList:
    """Return the content of prices.yaml."""
    return msgspec.convert(_document("prices"), PriceList)


@cache
def assumptions() -> Assumptions:
    """Return the content of assumptions.yaml."""
    return msgspec.convert(_document("assumptions"), Assumptions)


def _document(name: str) -> Any:
    document = yaml.load((FOLDER / f"{name}.yaml").read_text(), yaml.CSafeLoader)
    # YAML parses as_of as a date; convert it to text.
    return {key: str(value) if key == "as_of" else value for key, value in document.items()}
