"""Which methods of recommending count as better than popularity."""

from shared.chain.recommendation_choice import POPULARITY, Ranking, better_than_popularity


def ranking(method, recall, ndcg, gain, error=0.01):
    return Ranking(method, 100, recall, ndcg, gain, error)


POPULAR = ranking(POPULARITY, 0.3, 0.2, 0.0, 0.0)


def test_methods_that_are_shown_to_beat_popularity_are_listed_from_the_best():
    good, better = ranking("similarity", 0.4, 0.3, 0.1), ranking("matrix_factorization", 0.35, 0.4, 0.2)
    assert better_than_popularity([POPULAR, good, better]) == ["matrix_factorization", "similarity"]


def test_a_gain_that_chance_explains_does_not_count():
    assert better_than_popularity([POPULAR, ranking("similarity", 0.4, 0.22, 0.02, 0.01)]) == []


def test_a_method_that_finds_fewer_of_the_products_does_not_beat_popularity():
    assert better_than_popularity([POPULAR, ranking("similarity", 0.29, 0.28, 0.08)]) == []


def test_a_gain_measured_on_one_visitor_does_not_count():
    """One visitor has no standard deviation. Then sql/recommendations/metrics.sql gives a standard error of 0.

    This standard error must not count as certainty.
    """
    assert better_than_popularity([POPULAR, Ranking("similarity", 1, 1.0, 1.0, 1.0, 0.0)]) == []


def test_without_metrics_no_method_beats_popularity():
    assert better_than_popularity([]) == []
