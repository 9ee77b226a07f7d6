"""Which methods recommend better than popularity."""

from shared.chain.recommendation_choice import POPULARITY, Ranking, better_than_popularity


def ranking(method, recall, ndcg, gain, error=0.01):
    return Ranking(method, 100, recall, ndcg, gain, error)


POPULAR = ranking(POPULARITY, 0.3, 0.2, 0.0, 0.0)


def test_methods_that_surely_beat_popularity_are_published_the_best_first():
    good, better = ranking("similarity", 0.4, 0.3, 0.1), ranking("matrix_factorization", 0.35, 0.4, 0.2)
    assert better_than_popularity([POPULAR, good, better]) == ["matrix_factorization", "similarity"]


def test_a_gain_that_chance_may_have_made_is_none():
    assert better_than_popularity([POPULAR, ranking("similarity", 0.4, 0.22, 0.02, 0.01)]) == []


def test_a_method_that_finds_fewer_of_the_products_does_not_beat_popularity():
    assert better_than_popularity([POPULAR, ranking("similarity", 0.29, 0.28, 0.08)]) == []


def test_one_visitor_makes_no_gain_sure():
    """With one visitor, sql/recommendations/metrics.sql gives a standard error of 0, because there is no deviation."""
    assert better_than_popularity([POPULAR, Ranking("similarity", 1, 1.0, 1.0, 1.0, 0.0)]) == []


def test_where_nothing_was_judged_nothing_is_better():
    assert better_than_popularity([]) == []
