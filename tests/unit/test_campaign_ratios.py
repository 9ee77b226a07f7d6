"""A check compares the sizes of a campaign's arms with the declared shares."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from shared.audience_settings import Campaign
from shared.campaign.ratios import check, chi_square_tail
from shared.customers.arms import arm, shares

DECLARED = {"treated": 0.9, "control": 0.1}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0.05, 1)), min_size=2, max_size=6))
def test_the_p_value_agrees_with_scipy(arms):
    counts = {str(number): count for number, (count, _) in enumerate(arms)}
    found = check(counts, {str(number): share for number, (_, share) in enumerate(arms)})
    if sum(counts.values()) >= 1000:
        expected = stats.chisquare(list(counts.values()), list(found.expected.values())).pvalue
        assert found.p_value == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("freedom", range(1, 8))
def test_the_tail_of_the_chi_square_distribution_is_right_for_large_values_too(freedom):
    for statistic in (0, 0.1, 3, 40, 400):
        assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom))


def test_sizes_that_chance_explains_agree_with_the_declared_shares():
    found = check({"treated": 9010, "control": 990}, DECLARED)
    assert not found.is_mismatch
    assert found.sentence == (
        "The arms have the declared sizes: treated 9,010 (expected 9,000), control 990 (expected 1,000). "
        "Chance explains the difference (p = 0.74)."
    )


def test_a_mismatch_says_what_is_missing_and_what_not_to_do():
    found = check({"treated": 9000, "control": 800}, DECLARED)
    assert found.is_mismatch
    assert "control 800 (expected 980)" in found.sentence
    assert "Do not use this campaign's effects until you know which customers are missing, and why." in found.sentence


def test_the_threshold_is_one_in_a_thousand():
    p_values = {control: check({"treated": 9000, "control": control}, DECLARED) for control in range(880, 930)}
    assert {found.is_mismatch for found in p_values.values()} == {True, False}
    assert all(found.is_mismatch == (found.p_value < 0.001) for found in p_values.values())


def test_with_few_customers_the_sizes_are_not_judged():
    found = check({"treated": 40, "control": 0}, DECLARED)
    assert (found.p_value, found.is_mismatch) == (None, False)
    assert "Too few customers" in found.sentence


def test_a_customer_in_an_arm_without_a_share_is_a_mismatch():
    declared = {**DECLARED, "holdout": 0.0}
    assert check({"treated": 9000, "control": 1000, "holdout": 1}, declared).is_mismatch
    assert not check({"treated": 9000, "control": 1000, "holdout": 0}, declared).is_mismatch


def test_the_hashes_of_customers_give_the_declared_shares():
    campaign = Campaign(control_share=0.2, holdout_share=0.05)
    counts = Counter(arm(f"customer-{number}", campaign) for number in range(20_000))
    assert not check(counts, shares(campaign)).is_mismatch
    assert check(counts, shares(Campaign(control_share=0.22, holdout_share=0.05))).is_mismatch


@pytest.mark.parametrize(
    ("counts", "declared", "said"),
    [
        ({"treated": 10}, DECLARED, r"the arms \['treated'\] are not those with a declared share"),
        ({"treated": 10, "control": 0}, {"treated": 1, "control": 0}, "two arms are needed"),
    ],
)
def test_arms_that_cannot_be_compared_are_an_error(counts, declared, said):
    with pytest.raises(ValueError, match=said):
        check(counts, declared)
