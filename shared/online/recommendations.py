"""The next products for a cart, in memory, from the artefact that build_recommendations keeps in the bucket.

Plain Python, so that the online path pays nothing to import it. The artefact is one JSON object:

    run_id    the run that built it
    as_of     the newest day that it knows
    rules     [{"antecedents": [product, ...], "next": [[product, confidence], ...]}, ...]; one or two antecedents each
    similar   {product: [[product, similarity], ...]}; empty when similarity does not beat popularity
    popular   [product, ...], the most popular first
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain, combinations
from typing import Any

ARTEFACT = "serving/recommendations.json"
OUT_OF_STOCK = "serving/out_of_stock.json"


class Recommender:
    """Answers from one artefact; a new one takes a new Recommender, so an answer never mixes two."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Index the artefact.

        Raises:
            KeyError, TypeError, ValueError: the document is none that build_recommendations writes.
        """
        self.run_id = str(document["run_id"])
        self.as_of = str(document["as_of"])
        self._rules = {
            tuple(sorted(rule["antecedents"])): [(product, float(confidence)) for product, confidence in rule["next"]]
            for rule in document["rules"]
        }
        # Only these need be paired, however many products a cart holds.
        self._paired = frozenset(
            product for antecedents in self._rules if len(antecedents) > 1 for product in antecedents
        )
        self._similar = {
            product: [(other, float(similarity)) for other, similarity in others]
            for product, others in document["similar"].items()
        }
        self._popular = [str(product) for product in document["popular"]]

    def next_products(self, cart: Collection[str], unavailable: Collection[str], limit: int) -> list[str]:
        """Return at most `limit` products, best first, none of them in the cart or unavailable.

        First those that rules lead to from what is in the cart, by confidence; then those similar to what is in it, by
        the sum of their similarities; then the popular ones. `unavailable` is asked once a product: pass a set.
        """
        held = set(cart)
        found: dict[str, None] = {}
        for product in chain(self._by_rules(held), self._by_similarity(held), self._popular):
            if len(found) >= limit:
                break
            if product not in held and product not in unavailable:
                found[product] = None
        return list(found)

    def _by_rules(self, cart: set[str]) -> Iterator[str]:
        confidences: dict[str, float] = {}
        for antecedents in chain(zip(cart), combinations(sorted(cart & self._paired), 2)):
            for product, confidence in self._rules.get(antecedents, ()):
                if confidence > confidences.get(product, 0.0):
                    confidences[product] = confidence
        yield from _best_first(confidences)

    def _by_similarity(self, cart: set[str]) -> Iterator[str]:
        sums: dict[str, float] = {}
        # In order, so that the same cart gives the same sums to the last digit.
        for product in sorted(cart):
            for other, similarity in self._similar.get(product, ()):
                sums[other] = sums.get(other, 0.0) + similarity
        yield from _best_first(sums)


def _best_first(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=lambda product: (-scores[product], product))


def out_of_stock(document: Any) -> frozenset[str]:
    """Return the products that the shop says are out of stock.

    Raises:
        ValueError: the shop's object is not a JSON list of product ids.
    """
    if not isinstance(document, list) or not all(isinstance(product, str) for product in document):
        raise ValueError(f'{OUT_OF_STOCK} must be a JSON list of product ids as text, e.g. ["A12", "B7"]')
    return frozenset(document)
