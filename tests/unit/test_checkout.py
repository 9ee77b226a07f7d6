"""A checkout is answered from one snapshot of the artefacts, even if the champion changes during the answer."""

import hashlib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import withheld
from shared.online import checkout
from shared.online.contract import CartItem, Checkout, Features, Session
from shared.online.scorer import Scored
from shared.online.snapshot import Snapshot
from shared.settings import Settings
from shared.withheld import Withheld

SETTINGS = Settings(project="shop-project", bucket="shop-bucket")
ASKED = Checkout(visitor_id="a visitor", cart=[CartItem(product_id="mug")], session=Session(features=Features()))


def hashed(visitor):
    return hashlib.sha256(visitor.encode()).hexdigest()[:16]


@dataclass
class Recommends:
    """A fake recommender that recommends the same product for every cart."""

    product: str

    def next_products(self, *_):
        return [self.product]


@dataclass
class Swapping:
    """A fake scorer that gives a new snapshot at each request for a snapshot."""

    settings: Settings = SETTINGS
    taken: list = field(default_factory=list)
    withheld: Withheld = field(default_factory=Withheld)

    def snapshot(self):
        product = f"product {len(self.taken)}"
        self.taken.append(Snapshot(None, Recommends(product), frozenset(), self.withheld))
        return self.taken[-1]

    def score(self, features, served):
        assert served is self.taken[0]
        return Scored(0.5, 1, "7", "embedded")


def test_score_and_next_products_are_from_the_same_snapshot():
    scorer = Swapping()
    answer = checkout.score(ASKED, {}, "a-request", scorer)
    assert (answer.model_version, answer.next_products) == ("7", ["product 0"])
    assert len(scorer.taken) == 1


@pytest.mark.parametrize(("held_back", "offer"), [(["somebody else"], "coupon"), (["a visitor", "b"], "none")])
def test_a_visitor_of_the_control_group_gets_score_and_products_and_no_offer(held_back, offer):
    scorer = Swapping(withheld=Withheld(withheld.content(sorted(map(hashed, held_back)))))
    answer = checkout.score(ASKED, {}, "a-request", scorer)
    assert (answer.offer, answer.probability, answer.next_products) == (offer, 0.5, ["product 0"])


@given(st.sets(st.text(max_size=8)), st.sets(st.text(max_size=8)))
def test_exactly_the_stored_visitors_get_no_offer(visitors, others):
    found = Withheld(withheld.content(sorted(map(hashed, visitors))))
    assert {one for one in visitors | others if one in found} == visitors


def test_a_list_of_withheld_visitors_that_is_unsorted_or_incomplete_is_refused():
    with pytest.raises(ValueError, match="not sorted"):
        Withheld(b"\x02" * 8 + b"\x01" * 8)
    with pytest.raises(ValueError, match="bytes length"):
        Withheld(b"\x02" * 9)
