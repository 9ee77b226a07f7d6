"""The next products for a cart, in memory, from the artefact that build_recommendations keeps in the bucket."""

from collections.abc import Collection, Iterator
from itertools import chain, combinations

from shared.recommendations import Artefact


class Recommender:
    """Answers from one artefact; a new one takes a new Recommender, so an answer never mixes two."""

    def __init__(self, artefact: Artefact) -> None:
        self._rules = {tuple(sorted(rule.antecedents)): rule.next for rule in artefact.rules}
        # Only these need be paired, however many products a cart holds.
        self._paired = frozenset(
            product for antecedents in self._rules if len(antecedents) > 1 for product in antecedents
        )
        self._similar = artefact.similar
        self._popular = artefact.popular

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
