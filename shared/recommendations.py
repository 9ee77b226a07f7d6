"""The recommendations as those find them who answer online: what the chain writes, and what the shop does."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct

ARTEFACT = "serving/recommendations.json"
OUT_OF_STOCK = "serving/out_of_stock.json"


class Rule(Struct, frozen=True):
    """What follows from one or two products in the cart: products with the rule's confidence."""

    antecedents: list[str]
    next: list[tuple[str, float]]


class Artefact(Struct, frozen=True, kw_only=True):
    """What one run recommends; `as_of` is the newest day that it knows."""

    run_id: str
    as_of: date
    opened_at: datetime
    rules: list[Rule]
    # Similar products with their similarity, by product; empty when similarity does not beat popularity.
    similar: dict[str, list[tuple[str, float]]]
    # The most popular first.
    popular: list[str]


def out_of_stock(document: Any) -> frozenset[str]:
    """Return the products that the shop says are out of stock.

    Raises:
        ValueError: the shop's object is not a JSON list of product ids.
    """
    if not isinstance(document, list) or not all(isinstance(product, str) for product in document):
        raise ValueError(f'{OUT_OF_STOCK} must be a JSON list of product ids as text, e.g. ["A12", "B7"]')
    return frozenset(document)
