"""Two files in the bucket: the artefact of build_recommendations, and the shop's list of products out of stock."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct

ARTEFACT = "serving/recommendations.json"
OUT_OF_STOCK = "serving/out_of_stock.json"


class Rule(Struct, frozen=True):
    """If the cart holds all antecedents (one or two products), recommend the products of `next`.

    `next` holds (product, confidence of the rule).
    """

    antecedents: list[str]
    next: list[tuple[str, float]]


class Artefact(Struct, frozen=True, kw_only=True):
    """The recommendations of one run; `as_of` is the newest day of its data."""

    run_id: str
    as_of: date
    opened_at: datetime
    rules: list[Rule]
    # Similar products with their similarity, by product. Empty if the method similarity does not beat popular products.
    similar: dict[str, list[tuple[str, float]]]
    # Popular products, the most popular first.
    popular: list[str]


def out_of_stock(document: Any) -> frozenset[str]:
    """Return the products that are out of stock, from the shop's document.

    Raises:
        ValueError: the document is not a list of product ids.
    """
    if not isinstance(document, list) or not all(isinstance(product, str) for product in document):
        raise ValueError(f'{OUT_OF_STOCK} must be a JSON list of product ids as text, e.g. ["A12", "B7"]')
    return frozenset(document)
