"""Frequent itemsets and rules agree with FP-growth on the same baskets."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth
from mlxtend.preprocessing import TransactionEncoder

DAY = dt.date(2017, 8, 10)
FROM_DAY = dt.date(2017, 8, 1)
RUN_ID = "20170810-0a1b2c3d"
CREATED_ON = dt.date(2017, 8, 11)
PRODUCTS = ["A", "B'", 'C"', "D,", "E", "f é"]
# With so few baskets, no confidence or lift is close to the limits above 0, so rounding changes no comparison.
CONFIDENCES = st.sampled_from([0.0, 0.2503, 0.4001, 0.6667])
LIFTS = st.sampled_from([0.0, 1.0003, 1.5001])


def interactions(baskets, action="bought", first=0):
    return [
        {
            "session_id": f"{action}-{number}",
            "visitor_id": str(number % 5),
            "day": DAY,
            "interacted_at": dt.datetime(2017, 8, 10, 12, tzinfo=dt.UTC),
            "product_id": product,
            "action": action,
            "quantity": 1,
        }
        for number, basket in enumerate(baskets, first)
        for product in basket
    ]


def mined(warehouse, given, *, min_support=0.0, min_count=1, min_confidence=0.0, min_lift=0.0, min_baskets=1):
    """Run the statements on the interactions. Return the count of each itemset, and each rule's support, confidence
    and lift.
    """
    warehouse.fill({"interactions": given})
    day = {"as_of": DAY, "run_id": RUN_ID, "created_on": CREATED_ON}
    least = {"min_baskets": min_baskets, "min_count": min_count, "min_support": min_support}
    warehouse.run("recommendations/itemsets", {"from_day": FROM_DAY, **day, **least})
    warehouse.run("recommendations/rules", {**day, "min_confidence": min_confidence, "min_lift": min_lift})
    itemsets = {tuple(row["products"]): row["basket_count"] for row in warehouse.rows("product_itemsets")}
    rules = {
        (tuple(row["antecedents"]), tuple(row["consequents"])): (row["support"], row["confidence"], row["lift"])
        for row in warehouse.rows("product_rules")
    }
    return itemsets, rules


def expected(baskets, *, min_support, min_confidence=0.0, min_lift=0.0):
    encoder = TransactionEncoder()
    table = pd.DataFrame(encoder.fit(baskets).transform(baskets), columns=encoder.columns_)
    found = fpgrowth(table, min_support, use_colnames=True, max_len=3)
    itemsets = {tuple(sorted(row.itemsets)): round(row.support * len(baskets)) for row in found.itertuples(index=False)}
    if found.empty:
        return itemsets, {}
    rules = association_rules(found, metric="confidence", min_threshold=min_confidence)
    return itemsets, {
        (tuple(sorted(rule.antecedents)), tuple(sorted(rule.consequents))): (rule.support, rule.confidence, rule.lift)
        for rule in rules[rules["lift"] >= min_lift].itertuples(index=False)
    }


def assert_same(found, wanted):
    assert found[0] == wanted[0]
    assert found[1].keys() == wanted[1].keys()
    for rule, numbers in wanted[1].items():
        assert found[1][rule] == pytest.approx(numbers, rel=1e-9)


@pytest.mark.slow
@given(
    st.lists(st.frozensets(st.sampled_from(PRODUCTS), min_size=1), min_size=1, max_size=20),
    st.sampled_from([0.01, 0.1, 0.3]),
    CONFIDENCES,
    LIFTS,
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_itemsets_and_rules_agree_with_fp_growth(warehouse, baskets, min_support, min_confidence, min_lift):
    least = {"min_support": min_support, "min_confidence": min_confidence, "min_lift": min_lift}
    try:
        assert_same(mined(warehouse, interactions(baskets), **least), expected([*map(sorted, baskets)], **least))
    finally:
        warehouse.clean()


@pytest.mark.slow
def test_itemsets_and_rules_of_a_thousand_baskets_agree_with_fp_growth(warehouse):
    random = np.random.default_rng(5)
    popularity = 1 / np.arange(2, 42)
    baskets = [
        sorted({f"P{product}" for product in random.choice(40, random.integers(1, 8), p=popularity / popularity.sum())})
        for _ in range(1000)
    ]
    least = {"min_support": 0.0125, "min_confidence": 0.10001, "min_lift": 1.00003}
    found = mined(warehouse, interactions(baskets), **least)
    assert_same(found, expected(baskets, **least))
    assert {len(products) for products in found[0]} == {1, 2, 3}
    assert found[1]


@pytest.mark.slow
def test_an_itemset_must_reach_both_the_minimum_count_and_the_minimum_share_of_baskets(warehouse):
    baskets = [["A", "B"]] * 3 + [["A"]] * 2 + [["C"]] * 2
    assert mined(warehouse, interactions(baskets), min_count=3, min_support=2.5 / 7)[0] == {
        ("A",): 5,
        ("B",): 3,
        ("A", "B"): 3,
    }
    assert math.ceil(2.5) == 3


@pytest.mark.slow
def test_with_few_purchases_carts_are_used_as_baskets(warehouse):
    bought, added = interactions([["A", "B"]] * 2), interactions([["A", "C"]] * 3, "added")
    viewed = interactions([["A", "D"]] * 9, "viewed")
    old = [{**one, "day": dt.date(2017, 7, 31)} for one in interactions([["A", "B"]], first=50)]
    itemsets, rules = mined(warehouse, [*bought, *added, *viewed, *old], min_baskets=3)
    assert itemsets == {("A",): 3, ("C",): 3, ("A", "C"): 3}
    assert rules.keys() == {(("A",), ("C",)), (("C",), ("A",))}
    assert {row["action"] for row in warehouse.rows("product_rules")} == {"added"}


@pytest.mark.slow
def test_the_rules_of_the_day_are_replaced_and_those_of_other_days_stay(warehouse):
    warehouse.fill(
        {
            "product_rules": [
                {
                    "day": day,
                    "antecedents": ["X"],
                    "consequents": ["Y"],
                    "basket_count": 1,
                    "support": 1.0,
                    "confidence": 1.0,
                    "lift": 1.0,
                    "action": "bought",
                    "run_id": "20170809-0a1b2c3d",
                }
                for day in (DAY, dt.date(2017, 8, 9))
            ]
        }
    )
    for _ in range(2):
        _, rules = mined(warehouse, [])
        assert rules == {(("X",), ("Y",)): (1.0, 1.0, 1.0)}
    assert [row["day"] for row in warehouse.rows("product_rules")] == [dt.date(2017, 8, 9)]
