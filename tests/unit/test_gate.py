"""Which candidate wins, and whether it may serve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chain.gate import Metrics, choose, is_calibrated, judge, word
from shared.settings import Gate

GOOD = Metrics("logistic", visitors=1000, positives=50, roc_auc=0.8, expected_positives=48.0)
LIMITS = Gate()
shares = st.floats(0, 1)
aucs = st.none() | shares


@pytest.mark.parametrize(
    ("roc_auc", "name"),
    [
        (1.0, "good"),
        (0.9001, "good"),
        (0.9, "fair"),
        (0.8, "decent"),
        (0.7, "not great"),
        (0.6, "poor"),
        (0.0, "poor"),
        (None, "unknown"),
    ],
)
def test_the_word_for_a_roc_auc_begins_above_its_border(roc_auc, name):
    assert word(roc_auc) == name


def variant(candidate="logistic", **changes):
    return Metrics(
        candidate, **{"visitors": 1000, "positives": 50, "roc_auc": 0.8, "expected_positives": 48.0} | changes
    )


def test_the_best_rank_wins_and_of_equals_the_first_named():
    simple, better, same = variant("baseline"), variant("logistic", roc_auc=0.81), variant("trees", roc_auc=0.81)
    assert choose([simple, better, same]) is better
    unknown = variant("unknown", roc_auc=None)
    assert choose([unknown, variant("worst", roc_auc=0.0)]).candidate == "worst"
    assert choose([unknown]) is unknown


def test_a_good_candidate_passes_without_a_reason():
    verdict = judge(GOOD, None, {"bounces": 0.6, "hour": None}, LIMITS)
    assert (verdict.passes, verdict.reasons, verdict.is_calibrated) == (True, [], True)


@pytest.mark.parametrize(
    ("winner", "champion", "features", "reason"),
    [
        (
            variant(positives=29, expected_positives=29.0),
            None,
            {},
            (
                "only 29 of 1000 test visitors bought on a return visit; 30 are needed to judge a model "
                "(gate.min_positives)"
            ),
        ),
        (variant(roc_auc=0.699), None, {}, "ROC AUC 0.699 (not great) is below 0.7 (gate.min_roc_auc)"),
        (variant(roc_auc=None), None, {}, "the test visitors are all buyers or all none, so nothing can be ranked"),
        (
            GOOD,
            variant("champion", roc_auc=0.85),
            {},
            "ROC AUC 0.800 is 0.050 below the champion's 0.850 on the same visitors (gate.max_roc_auc_loss 0.01)",
        ),
        (
            variant(expected_positives=101.0),
            None,
            {},
            (
                "101.0 buyers were predicted and 50 bought, which differs by more than 2.0 times "
                "(gate.max_calibration_ratio)"
            ),
        ),
        (
            GOOD,
            None,
            {"hits": 0.97, "bounces": 0.9},
            "hits alone has ROC AUC 0.970: it knows the answer (gate.max_single_feature_roc_auc)",
        ),
        (
            GOOD,
            None,
            {"bounces": 0.01},
            "bounces alone has ROC AUC 0.010: it knows the answer (gate.max_single_feature_roc_auc)",
        ),
    ],
)
def test_the_gate_gives_the_reason_with_its_numbers_and_setting(winner, champion, features, reason):
    verdict = judge(winner, champion, features, LIMITS)
    assert (verdict.candidate, verdict.passes, verdict.reasons) == ("logistic", False, [reason])


def test_every_reason_is_given_at_once():
    weak = variant(positives=2, expected_positives=90.0, roc_auc=0.5)
    assert len(judge(weak, GOOD, {"hits": 1.0}, LIMITS).reasons) == 5


def test_borders_let_a_candidate_pass():
    edge = variant(positives=30, expected_positives=60.0, roc_auc=0.7)
    limits = Gate(max_roc_auc_loss=0.25)
    assert judge(edge, variant("champion", roc_auc=0.95), {"hits": 0.95}, limits).passes


def test_without_buyers_there_is_no_word_on_calibration():
    verdict = judge(variant(positives=0, roc_auc=None), None, {}, LIMITS)
    assert not verdict.is_calibrated
    assert not any("max_calibration_ratio" in reason for reason in verdict.reasons)


metrics = st.builds(
    lambda visitors, share, roc_auc, expected: Metrics("x", visitors, int(visitors * share), roc_auc, expected),
    st.integers(0, 10_000),
    shares,
    aucs,
    st.floats(0, 10_000),
)


@given(metrics, st.none() | metrics, st.dictionaries(st.text(max_size=3), aucs, max_size=3))
def test_the_gate_passes_only_who_meets_every_limit(winner, champion, features):
    meets = (
        winner.positives >= LIMITS.min_positives
        and winner.roc_auc is not None
        and winner.roc_auc >= LIMITS.min_roc_auc
        and is_calibrated(winner, LIMITS.max_calibration_ratio)
        and not (champion and champion.roc_auc and champion.roc_auc - winner.roc_auc > LIMITS.max_roc_auc_loss)
        and not any(auc is not None and max(auc, 1 - auc) > 0.95 for auc in features.values())
    )
    assert judge(winner, champion, features, LIMITS).passes == meets
