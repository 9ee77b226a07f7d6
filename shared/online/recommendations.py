"""Compute the next products for a cart, in memory, from the artefact that build_recommendations writes."""

from collections.abc import Collection, Iterator
from itertools import chain, combinations

from shared.recommendations import Artefact


class Recommender:
    """Recommends products from one artefact. A Recommender is immutable: a new artefact needs a new Recommender."""

    def __init__(self, artefact: Artefact) -> None:
        self._rules = {tuple(sorted(rule.antecedents)): rule.next for rule in artefact.rules}
        # The products of rules with two antecedents. Only pairs of these products are looked up, so large carts stay
        # fast.
        self._paired = frozenset(
            product for antecedents in self._rules if len(antecedents) > 1 for product in antecedents
        )
        self._similar = artefact.similar
        self._popular = artefact.popular

    def next_products(self, cart: Collection[str], unavailable: Collection[str], limit: int) -> list[str]:
        """Return at most `limit` products, best first, without products that are in the cart or unavailable.

        First come the products of matching rules, sorted by confidence. Then come products similar to those in the
        cart, sorted by the sum of their similarities, then popular products. Pass `unavailable` as a set, because a
        list would make the lookup of each product slow.
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
        # Sorted, so that the same cart gives exactly the same sums: floating-point addition is not associative.
        for product in sorted(cart):
            for other, similarity in self._similar.get(product, ()):
                sums[other] = sums.get(other, 0.0) + similarity
        yield from _best_first(sums)


def _best_first(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=lambda product: (-scores[product], product))
