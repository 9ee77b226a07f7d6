"""Which methods of recommending are judged better than popularity."""

import datetime as dt

import numpy as np
import pytest

from shared.chain.recommendation_choice import POPULARITY, Ranking, better_than_popularity

DAY = dt.date(2017, 8, 10)
RUN = {"run_id": "20170810-0a1b2c3d", "created_on": dt.date(2017, 8, 11)}
PRODUCTS = 24
VISITORS = 300


def judged(warehouse, choose, seed=3):
    """Judge the methods on simulated visitors, and return the metrics of their rankings.

    The function `choose` draws the products of a visitor's interactions, in order of time.
    """
    random = np.random.default_rng(seed)
    warehouse.fill(
        {
            "interactions": [
                {
                    "session_id": f"{visitor}-{hour}",
                    "visitor_id": str(visitor),
                    "day": DAY,
                    "interacted_at": dt.datetime(2017, 8, 10, hour, tzinfo=dt.UTC),
                    "product_id": f"P{product}",
                    "action": "viewed",
                    "quantity": 1,
                }
                for visitor in range(VISITORS)
                for hour, product in enumerate(choose(random))
            ]
        }
    )
    window = {"from_day": DAY, "as_of": DAY}
    most = {"most_products": 100, "most_visitors": VISITORS}
    warehouse.run("recommendations/visitor_products", {**RUN, **window, **most})
    fit = {**RUN, "is_final": False}
    warehouse.run("recommendations/similarities", {**fit, "shrinkage": 10.0, "most_similar": 20})
    warehouse.run("recommendations/factorization", fit, model="judged_factors")
    asked = {**fit, "as_of": DAY, "active_from": DAY, "unavailable": [], "most_recommended": 5}
    warehouse.run("recommendations/by_popularity", asked)
    warehouse.run("recommendations/by_similarity", asked)
    warehouse.run("recommendations/by_matrix_factorization", asked, model="judged_factors")
    methods = [POPULARITY, "similarity", "matrix_factorization"]
    rows = warehouse.run("recommendations/metrics", {**RUN, "methods": methods})
    assert {row["visitors"] for row in rows} == {VISITORS}
    return [Ranking(**row) for row in rows]


@pytest.mark.slow
def test_if_all_visitors_choose_at_random_popularity_wins(warehouse):
    popularity = 1 / np.arange(1, PRODUCTS + 1)
    rankings = judged(
        warehouse,
        lambda random: random.choice(PRODUCTS, 4, replace=False, p=popularity / popularity.sum()),
    )
    assert better_than_popularity(rankings) == []


@pytest.mark.slow
def test_if_products_go_together_popularity_loses(warehouse):
    """There are four shelves of six products each. All products of a visitor are from one shelf."""
    rankings = judged(warehouse, lambda random: random.integers(4) * 6 + random.choice(6, 4, replace=False))
    better = better_than_popularity(rankings)
    assert sorted(better) == ["matrix_factorization", "similarity"]
    by_method = {one.method: one for one in rankings}
    # A visitor has four of the six products of a shelf. From the first three, the method recommends the three products
    # that are left, and the visitor's last product is one of them.
    assert by_method["similarity"].recall == 1
    assert by_method["similarity"].ndcg > 2 * by_method[POPULARITY].ndcg
