"""A checkout is answered from one snapshot, whatever is swapped meanwhile."""

from dataclasses import dataclass, field

from shared.online import checkout
from shared.online.contract import CartItem
from shared.online.scorer import Scored
from shared.online.snapshot import Snapshot
from shared.settings import Settings

SETTINGS = Settings(project="shop-project", bucket="shop-bucket")


@dataclass
class Recommends:
    """Recommends one product, whatever is in the cart."""

    product: str

    def next_products(self, *_):
        return [self.product]


@dataclass
class Swapping:
    """A scorer that has another snapshot each time it is asked."""

    settings: Settings = SETTINGS
    taken: list = field(default_factory=list)

    def snapshot(self):
        self.taken.append(Snapshot(None, Recommends(f"product {len(self.taken)}"), frozenset()))
        return self.taken[-1]

    def score(self, features, served):
        assert served is self.taken[0]
        return Scored(0.5, 1, "7", "embedded")


def test_score_and_next_products_are_of_one_snapshot():
    scorer = Swapping()
    answer = checkout.score({}, [CartItem(product_id="mug")], "a-request", scorer)
    assert (answer.model_version, answer.next_products) == ("7", ["product 0"])
    assert len(scorer.taken) == 1
