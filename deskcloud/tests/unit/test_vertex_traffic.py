"""The rules by which an endpoint splits its traffic between deployed models."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskcloud.vertex import traffic
from deskcloud.vertex.errors import FailedPreconditionError, InvalidArgumentError

ids = st.text("123456789", min_size=1, max_size=4)


@st.composite
def splits(draw, least=1):
    """Draw a traffic split: a dict from ids of deployed models to shares. The shares add up to 100."""
    names = draw(st.lists(ids, min_size=least, max_size=5, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(names) - 1, max_size=len(names) - 1)))
    return {name: end - start for name, start, end in zip(names, [0, *cuts], [*cuts, 100], strict=True)}


@given(splits())
def test_a_split_that_adds_up_to_a_hundred_is_accepted_unchanged(split):
    assert traffic.checked(split, split) == split


@given(st.dictionaries(ids, st.integers(-10, 110), max_size=5))
def test_a_split_is_accepted_exactly_if_it_is_empty_or_adds_up_to_a_hundred(split):
    right = not split or (sum(split.values()) == 100 and all(0 <= share <= 100 for share in split.values()))
    if right:
        assert traffic.checked(split, split) == split
    else:
        with pytest.raises(InvalidArgumentError):
            traffic.checked(split, split)


@pytest.mark.parametrize("split", [{"1": 100.0}, {"1": "100"}, {"1": True}, {"1": None}, [100], "100"])
def test_a_share_that_is_no_whole_number_is_refused(split):
    with pytest.raises(InvalidArgumentError):
        traffic.checked(split, {"1"})


@given(splits(least=2))
def test_a_model_that_is_not_deployed_gets_no_traffic(split):
    stranger, *known = split
    with pytest.raises(InvalidArgumentError, match=f"'{stranger}'"):
        traffic.checked(split, known)


@given(splits())
def test_the_id_0_stands_for_the_model_that_is_being_deployed(split):
    first, *others = split
    asked = {"0": split[first]} | {name: split[name] for name in others}
    assert traffic.deploying(asked, first, others, {}) == split


@given(splits())
def test_deploying_without_a_split_does_not_change_the_traffic(split):
    assert traffic.deploying({}, "new", split, split) == split


@given(splits(least=2), st.data())
def test_undeploying_keeps_a_split_that_adds_up(split, data):
    old = data.draw(st.sampled_from(sorted(split)))
    if split[old]:
        with pytest.raises(FailedPreconditionError, match=old):
            traffic.undeploying({}, old, split, split)
        left = sorted(set(split) - {old})
        assert traffic.undeploying({left[0]: 100}, old, split, split) == {left[0]: 100}
    else:
        kept = traffic.undeploying({}, old, split, split)
        assert sum(kept.values()) == 100
        assert old not in kept


@given(ids)
def test_undeploying_the_last_model_leaves_no_traffic(only):
    assert traffic.undeploying({}, only, [only], {only: 100}) == {}


@given(splits())
def test_only_models_with_a_share_are_chosen_and_the_same_chance_chooses_the_same(split):
    chosen = [traffic.choose(split, random.Random(seed)) for seed in range(50)]  # noqa: S311 - seeded, to repeat the choices; not for security
    assert chosen == [traffic.choose(split, random.Random(seed)) for seed in range(50)]  # noqa: S311 - seeded, to repeat the choices; not for security
    assert all(split[name] for name in chosen)


def test_requests_spread_as_the_split_says():
    chance = random.Random(0)  # noqa: S311 - seeded, to repeat the choices; not for security
    counts = Counter(traffic.choose({"1": 90, "2": 10, "3": 0}, chance) for _ in range(10_000))
    assert set(counts) == {"1", "2"}
    assert counts["2"] == pytest.approx(1000, abs=100)
    assert traffic.choose({}, chance) is None
