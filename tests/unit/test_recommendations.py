"""Which products the recommender takes from the artefact for a given cart."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.online.recommendations import Recommender
from shared.recommendations import Artefact, out_of_stock

DOCUMENT = {
    "run_id": "20170501-0a1b2c3d",
    "as_of": "2017-05-01",
    "opened_at": "2017-05-02T04:00:00Z",
    "rules": [
        {"antecedents": ["pen"], "next": [["notebook", 0.6], ["ruler", 0.3]]},
        {"antecedents": ["cup"], "next": [["saucer", 0.5]]},
        {"antecedents": ["pen", "cup"], "next": [["ruler", 0.9]]},
    ],
    "similar": {"pen": [["pencil", 0.4], ["ink", 0.3]], "cup": [["ink", 0.2], ["tea", 0.1]], "tea": [["cup", 0.1]]},
    "popular": ["cap", "pen", "tee", "saucer"],
}
PRODUCTS = [f"p{number}" for number in range(12)]
product = st.sampled_from(PRODUCTS)
score = st.floats(0.01, 1)
scored = st.lists(st.tuples(product, score), max_size=5)
documents = st.builds(
    lambda rules, similar, popular: {
        "run_id": "20170501-0a1b2c3d",
        "as_of": "2017-05-01",
        "opened_at": "2017-05-02T04:00:00Z",
        "rules": [{"antecedents": list(one), "next": following} for one, following in rules.items()],
        "similar": similar,
        "popular": popular,
    },
    st.dictionaries(st.frozensets(product, min_size=1, max_size=2), scored, max_size=8),
    st.dictionaries(product, scored, max_size=8),
    st.lists(product, unique=True),
)
carts = st.lists(product, max_size=6)


def recommender_of(document):
    return Recommender(msgspec.convert(document, Artefact))


def answered(cart, unavailable=(), limit=10):
    return recommender_of(DOCUMENT).next_products(cart, unavailable, limit)


def test_rules_come_before_similar_products_and_these_before_popular_ones():
    assert answered(["pen"]) == ["notebook", "ruler", "pencil", "ink", "cap", "tee", "saucer"]


def test_a_rule_needs_all_its_antecedents_in_the_cart_and_the_surest_rule_counts():
    assert answered(["cup", "pen"], limit=3) == ["ruler", "notebook", "saucer"]


def test_similarities_to_all_products_in_the_cart_add_up():
    assert answered(["pen", "cup"], ["notebook", "ruler", "saucer"], limit=2) == ["ink", "pencil"]


@pytest.mark.parametrize("cart", [[], ["a product that nobody knows"]])
def test_a_cart_without_rules_or_similar_products_gets_the_popular_products(cart):
    assert answered(cart, limit=2) == ["cap", "pen"]


def test_products_out_of_stock_are_replaced_by_the_next_best():
    assert answered([], {"cap", "tee"}, limit=2) == ["pen", "saucer"]


def test_if_no_products_are_requested_none_are_returned():
    assert answered(["pen"], limit=0) == []


@given(documents, carts, st.frozensets(product), st.integers(0, 15))
def test_an_answer_holds_each_product_once_and_none_that_is_in_the_cart_or_unavailable(
    document, cart, unavailable, limit
):
    found = recommender_of(document).next_products(cart, unavailable, limit)
    assert len(found) == len(set(found)) <= limit
    assert not set(found) & ({*cart} | unavailable)


@given(documents, carts, st.frozensets(product), st.integers(0, 15))
def test_a_smaller_limit_gives_the_beginning_of_the_same_answer_to_the_cart_in_any_order(
    document, cart, unavailable, limit
):
    recommender = recommender_of(json.loads(json.dumps(document)))
    everything = recommender.next_products(cart, unavailable, len(PRODUCTS))
    assert recommender.next_products([*reversed(cart)], list(unavailable), limit) == everything[:limit]


def test_a_document_that_is_not_an_artefact_is_refused():
    with pytest.raises(msgspec.ValidationError, match="rules"):
        recommender_of({name: value for name, value in DOCUMENT.items() if name != "rules"})


def test_the_shops_list_of_what_is_out_of_stock_is_read():
    assert out_of_stock(["A", "B", "A"]) == {"A", "B"}


@pytest.mark.parametrize("document", [{"A": True}, ["A", 7], "A", None])
def test_an_invalid_list_of_products_out_of_stock_is_refused_with_a_remedy(document):
    with pytest.raises(ValueError, match=r"serving/out_of_stock\.json must be a JSON list of product ids"):
        out_of_stock(document)
